use serde_json::{Value as Json, json};

use super::observe::LIST;
use super::requirement::{Requirement, recover};
use super::{Params, Pip};
use crate::contract::{Module as _, Plan, Stop};
use crate::effect::{Effect, Output};
use crate::host::memory::MemoryHost;
use crate::params::Params as _;

fn plan(arguments: &Json) -> Result<Plan, Stop> {
    let list = Output { stdout: b"Flask==3.0.1\nmy.lib==1.5\n".to_vec(), ..Output::default() };
    let mut host = MemoryHost::new()
        .with_program("pip3")
        .with_program("python3")
        .with_file("/py/bin/python", "")
        .with_stat("/py/bin/python", |stat| stat.mode = 0o755)
        .with_output(&["/usr/bin/python3", "-m", "pip", "--version"], missing())
        .with_output(&["/py/bin/python", "-m", "pip", "--version"], Output::default())
        .with_output(&["/py/bin/python", "-m", "pip", "list", "--format=freeze"], list.clone())
        .with_output(&["/usr/bin/pip3", "list", "--format=freeze"], list);
    let params = Params::parse("pip", arguments.as_object().unwrap()).unwrap();
    let observed = Pip::observe(&params, &mut host)?;
    Pip::plan(&params, &observed)
}

/// What a Python without pip says.
fn missing() -> Output {
    Output { status: 1, ..Output::default() }
}

fn calls(plan: &Plan) -> Vec<String> {
    let commands = plan.effects.iter().map(|planned| match &planned.effect {
        Effect::Packages(change) => format!("known: {}", change.command.argv.join(" ")),
        Effect::Run(command) => format!("unknown: {}", command.argv.join(" ")),
        Effect::Setting(change) => change.commands[0].argv.join(" "),
        other => panic!("{other:?}"),
    });
    commands.collect()
}

#[test]
fn pip_is_called_for_what_differs() {
    let table: &[(Json, &[&str])] = &[
        (json!({"name": ["flask>=2,<4", "My_Lib"]}), &[]),
        (json!({"name": "flask", "version": "3.0.1"}), &[]),
        (
            json!({"name": ["flask", "new"], "extra_args": "--user"}),
            &["known: /usr/bin/pip3 install --user flask new"],
        ),
        (json!({"name": "flask", "version": "2.0"}), &["known: /usr/bin/pip3 install flask==2.0"]),
        (json!({"name": "flask", "state": "absent"}), &["known: /usr/bin/pip3 uninstall -y flask"]),
        (json!({"name": "nope", "state": "absent"}), &[]),
        (json!({"name": "flask", "state": "latest"}), &["unknown: /usr/bin/pip3 install -U flask"]),
        (json!({"name": "flask[async]"}), &["unknown: /usr/bin/pip3 install flask[async]"]),
        (
            json!({"name": "git+https://x/y.git", "editable": true}),
            &["unknown: /usr/bin/pip3 install -e git+https://x/y.git"],
        ),
        (
            json!({"name": "flask", "state": "latest", "_canvass_python": "/py/bin/python"}),
            &["unknown: /py/bin/python -m pip install -U flask"],
        ),
        (json!({"requirements": "/r.txt"}), &["unknown: /usr/bin/pip3 install -r /r.txt"]),
        (
            json!({"name": "flask", "virtualenv": "/v", "virtualenv_command": "python3 -m venv",
                   "umask": "022"}),
            &[
                "/bin/sh -c umask \"$1\"; shift; exec \"$@\" sh 0022 /usr/bin/python3 -m venv /v",
                "known: /bin/sh -c umask \"$1\"; shift; exec \"$@\" sh 0022 /v/bin/pip3 install flask",
            ],
        ),
    ];
    for (arguments, expected) in table {
        assert_eq!(calls(&plan(arguments).unwrap()), *expected, "{arguments}");
    }
}

#[test]
fn a_python_is_asked_rather_than_pip() {
    let list = Output { stdout: b"Flask==3.0.1\n".to_vec(), ..Output::default() };
    let script = "#!/v/bin/python3\nimport pip\n";
    let mut host = MemoryHost::new()
        .with_program("python3")
        .with_program("pip3")
        .with_output(&["/usr/bin/python3", "-c", LIST], list.clone())
        .with_file("/v/bin/activate", "")
        .with_file("/v/bin/pip3", script)
        .with_stat("/v/bin/pip3", |stat| stat.mode = 0o755)
        .with_output(&["/v/bin/python3", "-c", LIST], list);
    for arguments in [json!({"name": "flask"}), json!({"name": "flask", "virtualenv": "/v"})] {
        let params = Params::parse("pip", arguments.as_object().unwrap()).unwrap();
        let observed = Pip::observe(&params, &mut host).unwrap();
        assert_eq!(observed.version("flask"), Some("3.0.1"), "{arguments}");
    }
    let none = Output { status: 3, ..Output::default() };
    let mut host = host
        .with_output(&["/usr/bin/python3", "-c", LIST], none)
        .with_output(&["/usr/bin/pip3", "list", "--format=freeze"], Output::default());
    let params = Params::parse("pip", json!({"name": "a"}).as_object().unwrap()).unwrap();
    assert_eq!(Pip::observe(&params, &mut host).unwrap().pip, ["/usr/bin/pip3"]);
}

#[test]
fn versions_are_compared_as_python_does() {
    let table = [
        ("a>=1.9", "1.10", true),
        ("a<1.10,!=1.9", "1.9", false),
        ("a~=1.4", "1.9", true),
        ("a ==1.*", "1.9", true),
        ("a==1.0", "1", true),
    ];
    for (wanted, version, fits) in table {
        assert_eq!(Requirement::parse(wanted).admits(version), fits, "{wanted}");
    }
    let names = ["django>1.11.1", "<1.11.3", "ipaddress", "a[b,c]>2,<3"].map(str::to_owned);
    assert_eq!(recover(&names), ["django>1.11.1,<1.11.3", "ipaddress", "a[b,c]>2,<3"]);
}

#[test]
fn refusals_are_worded_as_ansible_words_them() {
    for (arguments, start) in [
        (json!({"name": ["a", "b"], "version": "1"}), "'version' argument is ambiguous"),
        (json!({"name": "a>1", "version": "1"}), "The 'version' argument conflicts"),
        (json!({"name": "a", "version": "1", "state": "latest"}), "version is incompatible"),
        (json!({"name": "a", "umask": "9"}), "umask must be an octal integer"),
        (json!({"name": "a", "executable": "pip9"}), "Unable to find any of pip9 to use."),
    ] {
        let stop = plan(&arguments).unwrap_err().to_string();
        assert!(stop.starts_with(start), "{stop}");
    }
}
