use std::path::{Path, PathBuf};
use std::sync::Arc;

use canvass_modules::params::Params as _;
use canvass_modules::{choices, params};

use super::*;
use crate::diagnostics::{Color, Diagnostic, render};
use crate::source::{Kind, Node};

choices! {
    /// What shall be there.
    pub enum State {
        /// A file.
        File = "file",
        /// A folder.
        Directory = "directory",
        /// Nothing.
        Absent = "absent",
    }
}

params! {
    /// As of `file`.
    pub struct File {
        /// Where.
        path ("dest", "name"): String,
        /// What.
        state: State = State::File,
        /// Its mode.
        mode: Option<String>,
        /// Whether to go down.
        recurse: bool = false,
    }
}

params! {
    /// As of `copy`.
    pub struct Copy {
        /// From.
        src: Option<String>,
        /// To.
        dest: String,
        /// Its mode.
        mode: Option<String>,
    }
}

params! {
    /// As of `command`.
    pub struct Command {
        /// Where.
        chdir: Option<String>,
        /// Not if it is there.
        creates: Option<String>,
    }
}

params! {
    /// As of `systemd_service`.
    pub struct Service {
        /// Which.
        name: String,
        /// What.
        state: Option<String>,
    }
}

params! {
    /// As of `ping`.
    pub struct Ping {
        /// The answer.
        data: Option<String>,
    }
}

struct Table;

const NAMES: &[&str] = &[
    "ansible.builtin.command",
    "ansible.builtin.copy",
    "ansible.builtin.debug",
    "ansible.builtin.file",
    "ansible.builtin.meta",
    "ansible.builtin.ping",
    "ansible.builtin.set_fact",
    "ansible.builtin.shell",
    "ansible.builtin.systemd_service",
];

impl Modules for Table {
    fn find(&self, name: &str) -> Option<ModuleFace> {
        let known = |options, free_form| ModuleFace {
            free_form,
            options: Options::Known(options, Vec::new()),
        };
        Some(match name.strip_prefix("ansible.builtin.")? {
            "file" => known(File::options(), false),
            "copy" => known(Copy::options(), false),
            "ping" => known(Ping::options(), false),
            "systemd_service" => known(Service::options(), false),
            "command" | "shell" => known(Command::options(), true),
            "debug" | "set_fact" => ModuleFace { free_form: false, options: Options::Any },
            "meta" => ModuleFace { free_form: true, options: Options::Any },
            _ => return None,
        })
    }

    fn names(&self) -> Vec<&'static str> {
        NAMES.to_vec()
    }
}

fn inputs(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("src/playbook/testdata").join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
}

fn search() -> SearchPaths {
    SearchPaths { roles: vec![PathBuf::from("/nonexistent/roles")], ..SearchPaths::default() }
}

fn loaded(name: &str) -> Loaded {
    let path = Path::new("src/playbook/testdata/valid").join(name);
    load(&path, &Table, &search(), &NoNames)
        .unwrap_or_else(|errors| panic!("{name}:\n{}", drawn(&errors)))
}

fn drawn(errors: &[PlaybookError]) -> String {
    let all: Vec<_> =
        errors.iter().map(|error| render(&Diagnostic::error(error), Color::Never)).collect();
    all.join("\n\n")
}

fn text(node: Option<&Node>) -> &str {
    node.and_then(Node::as_str).unwrap_or("-")
}

#[test]
fn each_invalid_input_is_refused_in_words() {
    for path in inputs("invalid") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let said = match load(&path, &Table, &search(), &NoNames) {
            Err(errors) => drawn(&errors),
            // said where such a task may run
            Ok(loaded) => {
                let missing = crate::run::missing_modules(&[loaded.playbook]);
                missing
                    .iter()
                    .map(|told| render(told, Color::Never))
                    .collect::<Vec<_>>()
                    .join("\n\n")
            }
        };
        assert!(!said.is_empty(), "{name} was accepted");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, said);
        });
    }
}

#[test]
fn each_valid_input_is_accepted() {
    for path in inputs("valid") {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !matches!(name, "vars.yml" | "a.yml") {
            loaded(name);
        }
    }
}

fn entries(list: &[Entry]) -> Vec<String> {
    list.iter()
        .map(|entry| match entry {
            Entry::Task(task) => {
                let arguments: Vec<_> = task
                    .action
                    .arguments
                    .iter()
                    .map(|(name, value)| match &value.kind {
                        Kind::Str(text) => format!("{name}={:?}", text.value),
                        other => format!("{name}={other:?}"),
                    })
                    .collect();
                let variable = task.action.variable_arguments.as_ref();
                let variable =
                    variable.map_or(String::new(), |node| format!(" + {}", text(Some(node))));
                let module = task.action.module.trim_start_matches("ansible.builtin.");
                format!("{module}({}){variable}", arguments.join(", "))
            }
            Entry::Block(block) => format!("[{}]", entries(&block.block).join("; ")),
            Entry::Role(import) => format!("role({})", import.role.name),
        })
        .collect()
}

#[test]
fn arguments_are_read_in_all_forms() {
    let loaded = loaded("argument_forms.yml");
    insta::assert_snapshot!(entries(&loaded.playbook.plays[0].tasks).join("\n"), @r#"
        ping()
        copy(src="a", dest="/b c", mode="0644")
        copy(src="a", dest="{{ x }}/y")
        copy(src="a", dest="/b", mode=Int(420))
        copy() + {{ arguments }}
        copy(src="a", dest="/b")
        copy(dest="/c") + {{ arguments }}
        command(creates="/x", _raw_params="ls -l a=b")
        shell(_raw_params="echo one\necho two\n")
        copy(src="a", dest="b")
        command(_raw_params="ls")
        copy(src="a", dest="b")
        command(chdir="/tmp", _raw_params="ls")
        ping()
        command(_raw_params="ls")
        debug(msg="a b", verbosity="1")
        set_fact(a="1", b="{{ c }}")
        meta(_raw_params="flush_handlers")
        systemd_service(name="x", state="started")
        shell(_raw_params=Unsafe(Node { kind: Str(Text { value: "echo {{ x }}", plain: true }), span: src/playbook/testdata/valid/argument_forms.yml:28:14 }))
        command(_raw_params="{{ cmd }}")
        "#);
    let Entry::Task(local) = &loaded.playbook.plays[0].tasks[10] else { panic!("a block") };
    assert_eq!(text(local.keywords.delegate_to.as_ref()), "localhost");
}

#[test]
fn places_of_key_value_arguments_are_those_of_the_words() {
    let loaded = loaded("argument_forms.yml");
    let Entry::Task(copy) = &loaded.playbook.plays[0].tasks[1] else { panic!("a block") };
    let places: Vec<_> = copy
        .action
        .argument_spans
        .iter()
        .map(|span| (span.line, span.column, span.length))
        .collect();
    assert_eq!(places, [(4, 13, 5), (4, 19, 11), (4, 31, 9)]);
}

#[test]
fn every_keyword_reaches_its_field() {
    let loaded = loaded("every_task_keyword.yml");
    let play = &loaded.playbook.plays[0];
    let Entry::Task(task) = &play.tasks[0] else { panic!("a block") };
    assert_eq!(task.keywords.when.len(), 3);
    assert_eq!(task.keywords.tags, ["a", "1"]);
    assert_eq!(task.register.as_deref(), Some("result"));
    assert_eq!(task.keywords.notify.len(), 2);
    assert!(task.changed_when.is_some() && task.failed_when.is_some() && task.until.is_some());
    assert!(task.retries.is_some() && task.delay.is_some());
    assert_eq!(text(task.loop_control.loop_var.as_ref()), "x");
    assert!(task.loop_control.break_when.is_some() && task.loop_control.extended.is_some());
    assert!(task.keywords.run_once.is_some() && task.keywords.ignore_errors.is_some());
    assert_eq!(task.keywords.environment.len(), 1);
    let Entry::Task(handler) = &play.handlers[0] else { panic!("a block") };
    assert_eq!(text(handler.listen.first()), "two");

    let loaded = self::loaded("every_play_keyword.yml");
    let play = &loaded.playbook.plays[0];
    assert_eq!(play.keywords.tags, ["one", "two"]);
    assert_eq!(play.strategy, Some(Strategy::Free));
    assert_eq!(play.gather_arguments.len(), 3);
    assert_eq!((play.vars_files.len(), play.keywords.environment.len()), (2, 2));
    assert!(play.serial.is_some() && play.order.is_some() && play.keywords.port.is_some());
    assert_eq!((play.tasks.len(), play.post_tasks.len()), (0, 1));
}

fn roles(list: &[Arc<Role>]) -> Vec<String> {
    list.iter()
        .map(|role| {
            let names = |vars: &[(String, Node)]| {
                vars.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(",")
            };
            format!(
                "{} params({}) vars({}) defaults({}) use({}) tags({}) when {} after [{}] tasks [{}] handlers {}",
                role.name,
                names(&role.params),
                names(&role.vars),
                names(&role.defaults),
                names(&role.keywords.vars),
                role.keywords.tags.join(","),
                role.keywords.when.len(),
                roles(&role.dependencies).join("; "),
                entries(&role.tasks).join("; "),
                role.handlers.len(),
            )
        })
        .collect()
}

#[test]
fn roles_and_imports_bring_their_files() {
    let loaded = loaded("roles_and_imports.yml");
    let [first, imported] = &loaded.playbook.plays[..] else { panic!("not two plays") };
    insta::assert_snapshot!(roles(&first.roles).join("\n"), @r#"
        web params() vars(name) defaults(port) use() tags() when 0 after [base params(level) vars() defaults(my-var) use() tags() when 1 after [] tasks [ping()] handlers 0] tasks [copy(src="a", dest="/b"); [ping()]] handlers 1
        web params(colour,odd-name) vars(name) defaults(port) use(port) tags(x) when 1 after [base params(level) vars() defaults(my-var) use() tags() when 1 after [] tasks [ping()] handlers 0] tasks [copy(src="a", dest="/b"); [ping()]] handlers 1
        folder_vars params() vars(a,b) defaults() use() tags() when 0 after [] tasks [] handlers 0
        "#);
    insta::assert_snapshot!(entries(&first.tasks).join("\n"), @r#"
        [ping(); [[ping()]]]
        [ping(); [[ping()]]]
        "#);
    insta::assert_snapshot!(entries(&first.handlers).join("\n"), @r#"[ping()]"#);
    let Entry::Block(block) = &first.tasks[0] else { panic!("a task") };
    assert_eq!((block.keywords.when.len(), block.keywords.tags.len()), (1, 1));
    assert_eq!(imported.keywords.tags, ["p"]);
    assert_eq!((imported.keywords.when.len(), imported.keywords.vars.len()), (1, 1));
    assert!(first.roles[0].allow_duplicates);
}

#[test]
fn no_mutation_of_a_playbook_makes_it_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = 7_u64;
    let mut next = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 1).unwrap() % below
    };
    let pieces: &[&[u8]] = &[
        b"\n",
        b": ",
        b"- ",
        b"  ",
        b"{",
        b"}",
        b"[",
        b"'",
        b"\"",
        b"{{",
        b"=",
        b"\\",
        b"\xff",
        b"\xc3\xa9",
        b"!vault x",
        b"1",
        b"\t",
    ];
    let texts: Vec<_> = inputs("valid")
        .iter()
        .chain(&inputs("invalid"))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    for round in 0..2_000 {
        let mut bytes = texts[round % texts.len()].clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len() + 1);
            match next(3) {
                0 => drop(bytes.splice(at..at, pieces[next(pieces.len())].iter().copied())),
                1 => drop(bytes.drain(at..(at + next(6)).min(bytes.len()))),
                _ => {
                    let from = next(bytes.len() + 1).min(at);
                    let copy = bytes[from..at].to_vec();
                    bytes.extend(copy);
                }
            }
        }
        let path = folder.path().join("site.yml");
        std::fs::write(&path, bytes).unwrap();
        if let Err(errors) = load(&path, &Table, &search(), &NoNames) {
            assert!(!errors.is_empty());
            drawn(&errors);
        }
    }
}

#[test]
fn a_playbook_that_is_not_there_is_named_with_the_cause() {
    let errors = load(Path::new("/nonexistent/site.yml"), &Table, &search(), &NoNames).unwrap_err();
    insta::assert_snapshot!(drawn(&errors), @"error: cannot read `/nonexistent/site.yml`: No such file or directory (os error 2)");
}

#[test]
fn the_roles_path_is_split_and_the_home_expanded() {
    let search = SearchPaths::from_roles_path("~/r::/etc/r", Some(Path::new("/home/me")));
    assert_eq!(search.roles, [PathBuf::from("/home/me/r"), PathBuf::from("/etc/r")]);
    assert_eq!(SearchPaths::with_home(None).roles.len(), 3);
}

#[test]
fn a_name_given_twice_in_a_file_is_a_warning_of_the_playbook() {
    let loaded = loaded("yaml_11.yml");
    let messages: Vec<_> = loaded.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(messages, ["Found duplicate mapping key 'a'."]);
}
