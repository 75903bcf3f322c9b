//! The program that works on a host: `canvass-runner serve MARKER` speaks frames on its
//! standard input and output, `canvass-runner job` is one task that outlives them,
//! `canvass-runner terminal PROGRAM…` becomes a program on a terminal of its own, and
//! `canvass-runner hash` prints the SHA-256 of its own file.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use canvass_modules::host::live::{Interrupt, LiveHost, Stopped, terminal};
use canvass_modules::host::{DigestAlgorithm, Host as _};
use canvass_modules::wire::serve;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long the work may take to end once the engine is gone.
const GRACE: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match words.as_slice() {
        ["serve", marker] => serve_until_the_end(marker),
        ["terminal", ..] => terminal::become_program(&arguments),
        ["job"] => serve::job::work(io::stdin(), io::stdout()),
        ["hash"] => own_hash().and_then(|hash| writeln!(io::stdout(), "{hash}")),
        _ => {
            let _ = writeln!(
                io::stderr(),
                "usage: canvass-runner serve MARKER | job | terminal PROGRAM… | hash"
            );
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "canvass-runner: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve_until_the_end(marker: &str) -> io::Result<()> {
    let interrupt = Arc::new(Interrupt::new());
    watch(&interrupt)?;
    let hash = match sealed_hash() {
        Some(hash) => hash,
        None => own_hash()?,
    };
    let mut output = io::stdout();
    // a login shell may have left text without an end of line
    writeln!(output, "\ncanvass-runner {marker}")?;
    output.flush()?;
    let ended = serve::serve(io::stdin(), io::stdout(), interrupt.clone(), hash);
    interrupt.end_everything();
    ended
}

/// Sees to it that nothing survives: on a signal, on a panic, and when the work does not end by
/// itself after the engine is gone.
fn watch(interrupt: &Arc<Interrupt>) -> io::Result<()> {
    let guard = interrupt.clone();
    std::thread::Builder::new().name("guard".to_owned()).spawn(move || {
        guard.wait_for_disconnect();
        std::thread::sleep(GRACE);
        guard.end_everything();
        std::process::exit(1);
    })?;
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    let guard = interrupt.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            guard.stop(Stopped::Disconnected);
            // commands were asked to end; what does not is killed
            std::thread::sleep(Duration::from_millis(200));
            guard.end_everything();
            std::process::exit(128 + signal);
        }
    })?;
    let guard = interrupt.clone();
    let standard = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        standard(info);
        guard.end_everything();
    }));
    Ok(())
}

/// What the file is named for, where its mode says that it was verified and nobody may write it.
fn sealed_hash() -> Option<String> {
    let file = Path::new("/proc/self/exe");
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let path = std::fs::read_link(file).ok()?;
    let hash = path.file_name()?.to_str()?.strip_prefix("runner-")?;
    let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (mode & 0o7777 == 0o500 && whole).then(|| hash.to_owned())
}

fn own_hash() -> io::Result<String> {
    LiveHost::new(Arc::new(Interrupt::new()))
        .digest(Path::new("/proc/self/exe"), DigestAlgorithm::Sha256)
        .map_err(io::Error::other)
}
