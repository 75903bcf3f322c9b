//! `ansible-console`, `ansible-pull`, and settings of `ansible-playbook`, by their names.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with links to the program by Ansible's names.
fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ansible-console", "ansible-playbook", "ansible-pull"] {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_canvass"), link).unwrap();
    }
    folder
}

/// Runs a program; its exit code and what it says.
fn run(folder: &Path, name: &str, arguments: &[&str], typed: &str) -> (i32, String) {
    let mut child = Command::new(folder.join(name))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("USER", "someone")
        .env("ANSIBLE_NOCOLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
}

/// What ansible-core 2.19 says to the same lines, without its module's own fields.
#[test]
fn typed_lines_are_commands_modules_and_shell() {
    let place = place();
    let lines = "\
# nothing\n\
list\n\
list groups\n\
debug msg=from_module\n\
echo from_$((40 + 2))\n\
!echo forced\n\
cd nobody\n\
cd two\n\
list\n\
check yes\n\
check\n\
forks 0\n\
timeout x\n\
become\n\
help ping\n\
help nothing\n\
exit\n\
debug msg=never\n";
    let arguments = ["-i", "one,two,", "-c", "local", "all"];
    let (code, text) = run(place.path(), "ansible-console", &arguments, lines);
    assert_eq!(code, 0, "{text}");
    for told in [
        "Welcome to the ansible console. Type help or ? to list commands.\n",
        "someone@all (2)[f:5]$ one\ntwo\n",
        "all\nungrouped\n",
        "\"msg\": \"from_module\"",
        "one | CHANGED | rc=0 >>\nfrom_42\n",
        "forced\n",
        "no host matched\n",
        "someone@two (1)[f:5]$ two\n",
        "check mode changed to True\n",
        "Please specify check mode value, e.g. `check yes`\n",
        "forks must be greater than or equal to 1\n",
        "The timeout must be a valid positive integer, or 0 to disable",
        "Please specify become value, e.g. `become yes`\n",
        "Parameters:\n  data ",
        "nothing is not a valid command, use ? to list all valid commands.",
        "\nAnsible-console was exited.\n",
    ] {
        assert!(text.contains(told), "{told:?} is not in {text}");
    }
    assert!(!text.contains("never"), "{text}");
    // the end of what is piped ends it, too
    let (code, text) = run(place.path(), "ansible-console", &arguments, "");
    assert_eq!(code, 0);
    assert!(text.ends_with("\nAnsible-console was exited.\n"), "{text}");
}

fn git(folder: &Path, words: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.email=a@example.com", "-c", "user.name=a"])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_repository_comes_here_and_runs_here() {
    let place = place();
    let repository = place.path().join("repository");
    fs::create_dir(&repository).unwrap();
    let play = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg={{ word }}\n";
    for name in ["local.yml", "other.yml"] {
        fs::write(repository.join(name), play).unwrap();
    }
    git(&repository, &["init", "-q"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "one"]);
    let url = format!("file://{}", repository.display());
    let pull = |extra: &[&str]| {
        let words = ["-U", &url, "-d", "here", "-e", "word=heard", "-o"];
        run(place.path(), "ansible-pull", &[&words[..], extra].concat(), "")
    };
    let (code, text) = pull(&[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("Starting Ansible Pull at "), "{text}");
    assert!(text.contains("\"msg\": \"heard\""), "{text}");
    assert!(place.path().join("here/local.yml").is_file());
    let (code, text) = pull(&[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Repository has not changed, quitting"), "{text}");
    assert!(!text.contains("heard\""), "{text}");
    fs::write(repository.join("more"), "").unwrap();
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "two"]);
    let (code, text) = pull(&["other.yml", "--purge"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\"msg\": \"heard\""), "{text}");
    assert!(!place.path().join("here").exists(), "the checkout is still there");
    let (code, text) = pull(&["nothing.yml"]);
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("nothing.yml: File does not exist"), "{text}");
    let (code, text) = run(place.path(), "ansible-pull", &[], "");
    assert_eq!(code, 5);
    assert!(text.contains("URL for repository not specified"), "{text}");
}

/// Plays a playbook of a folder under settings of the environment; what it says.
fn play(folder: &Path, settings: &str, playbook: &str) -> String {
    let script = format!("{settings} ./ansible-playbook -D -i h1, -c local {playbook} 2>&1");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("ANSIBLE_NOCOLOR", "1")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn max_diff_size_leaves_out_the_diffs_of_larger_files() {
    let place = place();
    let text = "\
- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: \"line of a file\\n\", dest: \"{{ playbook_dir }}/out\", mode: \"0644\"}
";
    fs::write(place.path().join("p.yml"), text).unwrap();
    let bounded = play(place.path(), "ANSIBLE_MAX_DIFF_SIZE=10", "p.yml");
    assert!(bounded.contains("diff skipped") && !bounded.contains("+line of a file"), "{bounded}");
    fs::remove_file(place.path().join("out")).unwrap();
    let shown = play(place.path(), "ANSIBLE_MAX_DIFF_SIZE=20", "p.yml");
    assert!(shown.contains("+line of a file"), "{shown}");
}

/// What ansible-core 2.19 says of the same folders.
#[test]
fn playbook_vars_root_says_whose_folders_of_variables_count() {
    let place = place();
    let tells =
        "- debug: msg=\"{{ top | default('-') }} {{ of_role | default('-') }} {{ near }}\"\n";
    let text =
        "- hosts: all\n  gather_facts: false\n  roles: [r]\n  tasks:\n    ".to_owned() + tells;
    for (path, text) in [
        ("p.yml", text.as_str()),
        ("group_vars/all.yml", "top: top\nnear: top\n"),
        ("roles/r/group_vars/all.yml", "of_role: role\nnear: role\n"),
        ("roles/r/tasks/main.yml", tells),
    ] {
        let path = place.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for (root, of_role, of_play) in [
        ("top", "top - top", "top - top"),
        ("bottom", "- role role", "top - top"),
        ("all", "- role role", "top - top"),
    ] {
        let said = play(place.path(), &format!("ANSIBLE_PLAYBOOK_VARS_ROOT={root}"), "p.yml");
        let told: Vec<&str> =
            said.lines().filter_map(|line| line.trim().strip_prefix("\"msg\": ")).collect();
        assert_eq!(told, [format!("\"{of_role}\""), format!("\"{of_play}\"")], "{root}: {said}");
    }
}
