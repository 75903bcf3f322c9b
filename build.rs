//! Builds the runner that travels to hosts: static, compressed, embedded. Gathers the pages of
//! modules.
//!
//! Writes `runner.gz`, `runner.rs` (constants about it) and `pages.rs` into `OUT_DIR`. The runner is built
//! by a cargo of its own with a target directory of its own, so that `cargo install --path .`
//! needs nothing else and the two do not wait for each other's locks. `RUNNER_PATH` names a
//! ready-made runner instead.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// Settings of the user's cargo that the inner one needs too; all other `CARGO_…` variables
/// describe this very build.
const KEPT: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

const REMOVED: [&str; 8] = [
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "CLIPPY_ARGS",
    "RUSTFLAGS",
    "TARGET",
    "HOST",
];

/// Where the controller's parts of modules are.
const ACTIONS: &str = "src/run/action";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    for path in
        ["modules/src", "modules/Cargo.toml", "Cargo.toml", "Cargo.lock", "build.rs", ACTIONS]
    {
        instruct(&format!("rerun-if-changed={}", root.join(path).display()))?;
    }
    instruct("rerun-if-env-changed=RUNNER_PATH")?;
    pages(&root, &out)?;
    let runner = match env::var_os("RUNNER_PATH") {
        Some(path) => {
            let path = PathBuf::from(path);
            instruct(&format!("rerun-if-changed={}", path.display()))?;
            path
        }
        None => build(&root, &out)?,
    };
    embed(&runner, &out)
}

fn build(root: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = variable("TARGET")?;
    if variable("CARGO_CFG_TARGET_OS")? != "linux" {
        return Err(format!(
            "the runner runs on Linux hosts and cannot be built for `{target}`; \
             set RUNNER_PATH to a runner that was built on Linux"
        )
        .into());
    }
    let profile = if variable("PROFILE")? == "release" { "runner" } else { "runner-dev" };
    // OUT_DIR is <target>/<profile>/build/<package>/out
    let directory = out.ancestors().nth(4).unwrap_or(out).join("runner-build");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--quiet", "--package", "canvass-modules"])
        .args(["--bin", "canvass-runner", "--profile", profile])
        // without a target, the flags would also hit procedural macros
        .args(["--target", &target, "--target-dir"])
        .arg(&directory);
    let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let kept = KEPT.iter().any(|kept| name.starts_with(kept)) || name == linker;
        if (name.starts_with("CARGO") && !kept) || REMOVED.contains(&name) {
            cargo.env_remove(name);
        }
    }
    cargo.env(
        "CARGO_ENCODED_RUSTFLAGS",
        ["-Ctarget-feature=+crt-static", "-Crelocation-model=static"].join("\u{1f}"),
    );
    let status = cargo.status()?;
    if !status.success() {
        return Err(format!("cannot build the runner: cargo ended with {status}").into());
    }
    Ok(directory.join(&target).join(profile).join("canvass-runner"))
}

fn embed(runner: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let content =
        fs::read(runner).map_err(|error| format!("cannot read `{}`: {error}", runner.display()))?;
    let compression =
        if variable("PROFILE")? == "release" { Compression::best() } else { Compression::fast() };
    let mut encoder = GzEncoder::new(Vec::new(), compression);
    encoder.write_all(&content)?;
    fs::write(out.join("runner.gz"), encoder.finish()?)?;
    let hash = hexadecimal(&Sha256::digest(&content));
    let constants = format!(
        "/// The runner, compressed by gzip.\n\
         pub const RUNNER_GZ: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\"), \"/runner.gz\"));\n\
         /// SHA-256 of the runner in hexadecimal.\n\
         pub const RUNNER_SHA256: &str = \"{hash}\";\n\
         /// Length of the runner in bytes.\n\
         pub const RUNNER_SIZE: u64 = {size};\n\
         /// The machine that it runs on, as `uname -m` says it.\n\
         pub const RUNNER_ARCH: &str = \"{arch}\";\n",
        size = content.len(),
        arch = variable("CARGO_CFG_TARGET_ARCH")?,
    );
    fs::write(out.join("runner.rs"), constants)?;
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a string does not fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The pages of modules: what stands at the head of their files, by the names in its first line.
fn pages(root: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut pages = BTreeMap::new();
    // the part on the host of a builtin module tells more
    let of_collections = fs::read_dir(root.join("modules/src/collection"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    let folders = [ACTIONS, "modules/src/module"].map(|folder| root.join(folder));
    for folder in of_collections.iter().chain(&folders).filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let path = if path.is_dir() { path.join("mod.rs") } else { path };
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
            let page: Vec<&str> =
                lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
            let page = without_links(&page.join("\n"));
            let head = page.lines().next().unwrap_or_default();
            let names = head.split(": ").next().unwrap_or_default().split('`').skip(1).step_by(2);
            let names: Vec<&str> = names.collect();
            let Some((collection, _)) = names.first().and_then(|name| name.rsplit_once('.')) else {
                continue;
            };
            if !collection.contains('.') {
                continue;
            }
            for name in names {
                let name = if name.contains('.') {
                    name.to_owned()
                } else {
                    format!("{collection}.{name}")
                };
                pages.insert(name, page.clone());
            }
        }
    }
    let rows: Vec<String> =
        pages.iter().map(|(name, page)| format!("    ({name:?}, {page:?}),")).collect();
    let rows = rows.join("\n");
    let table = format!(
        "/// Pages of modules by fully qualified name.\nconst PAGES: &[(&str, &str)] = &[\n{rows}\n];\n"
    );
    Ok(fs::write(out.join("pages.rs"), table)?)
}

/// The text with links between the parts of the program as the names that they show.
fn without_links(page: &str) -> String {
    let mut plain = String::new();
    let mut rest = page;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else { break };
        let target = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        plain.push_str(&format!("{before}`{}`", name.trim_start_matches("super::")));
        rest = target.map_or(after, |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

fn instruct(instruction: &str) -> io::Result<()> {
    writeln!(io::stdout(), "cargo::{instruction}")
}
