//! `canvass graph`: the steps of playbooks, and why one waits for another.

mod dot;
mod mermaid;
mod picture;
mod svg;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::playbook::Strategy;
use crate::run::KnownNames;
use crate::template::Templar;

use super::CommandError;
use super::read::Reader;
use super::run_arguments::StrategyWord;

use picture::Picture;

/// Arguments of `canvass graph`.
#[derive(Debug, Args)]
pub(crate) struct GraphArguments {
    /// Playbooks, in order
    #[arg(required = true, value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,
    /// Folders of roles, separated by colons
    #[arg(long, value_name = "PATH", env = "ANSIBLE_ROLES_PATH")]
    roles_path: Option<String>,
    /// What is drawn
    #[arg(long, value_enum, default_value_t = FormatWord::Text)]
    format: FormatWord,
    /// The strategy of plays that do not say [default: linear]
    #[arg(long, value_enum, env = "ANSIBLE_STRATEGY")]
    strategy: Option<StrategyWord>,
    /// Colour it with what a run took, as `canvass report` takes one: warm is what its end waited for
    #[arg(long, value_name = "RUN")]
    critical_path: Option<String>,
}

/// What the graph is drawn as.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatWord {
    /// A line a step, with what it waits for
    Text,
    /// The language of Graphviz
    Dot,
    /// A flow chart for Markdown
    Mermaid,
    /// A picture
    Svg,
}

/// Runs the command.
pub(crate) fn graph(arguments: &GraphArguments) -> Result<ExitCode, CommandError> {
    let reader = Reader {
        modules: crate::run::ModuleTable::Early,
        rejected: Arc::default(),
        search: super::play::search_paths(arguments.roles_path.as_deref()),
        names: KnownNames { templar: Templar::new(), extra_vars: Arc::default() },
        tell: |warning| super::say(&super::error::draw(warning)),
    };
    let playbooks = reader.playbooks(&arguments.playbooks)?;
    let strategy = arguments.strategy.map(Strategy::from).unwrap_or_default();
    let includes = reader.includes();
    let mut pictures = Vec::new();
    for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
        let picture = Picture::of(play, play.strategy.unwrap_or(strategy), &includes);
        pictures.push(picture.map_err(|error| CommandError::parse(vec![error]))?);
    }
    picture::follow(&mut pictures);
    let mut rest = 0.0;
    if let Some(run) = &arguments.critical_path {
        let report = super::record::report(run)?;
        let found;
        (rest, found) = picture::colour(&mut pictures, &report);
        if !found {
            let text = format!("run `{run}` has done none of the steps of these playbooks");
            let of = format!("it was one of {}", report.playbooks.join(", "));
            return Err(CommandError::other(text, Some(of.as_str())));
        }
    }
    if rest >= 0.05 {
        super::say(&format!(
            "{} of the critical path are in tasks that were included while the run was on",
            crate::report::moment::words(rest)
        ));
    }
    let text = match arguments.format {
        FormatWord::Text => {
            let mut text = String::new();
            for picture in &pictures {
                text::draw(picture, &mut text);
            }
            text
        }
        FormatWord::Dot => dot::draw(&pictures),
        FormatWord::Mermaid => mermaid::draw(&pictures),
        FormatWord::Svg => svg::draw(&pictures),
    };
    super::print(&text);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{self, Includes, NoNames, SearchPaths};

    const PLAY: &str = r#"
- hosts: web
  gather_facts: false
  tasks:
    - name: Say "<it>"
      ansible.builtin.command: echo
      register: said
    - name: Go on
      ansible.builtin.command: "true"
    - block:
        - name: Read what others said
          ansible.builtin.debug: {msg: "{{ hostvars[other].said }}"}
      always:
        - name: Once
          ansible.builtin.command: "true"
          run_once: true
- hosts: db
  gather_facts: false
  tasks:
    - name: By itself
      ansible.builtin.command: "true"
- hosts: mail
  gather_facts: false
  tasks:
    - name: By itself, too
      ansible.builtin.command: "true"
"#;

    fn pictures() -> Vec<Picture> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("play.yml");
        std::fs::write(&path, PLAY).unwrap();
        let modules = crate::run::ModuleTable::Early;
        let Ok(loaded) = playbook::load(&path, &modules, &SearchPaths::default(), &NoNames) else {
            panic!("the playbook is not read")
        };
        let includes = Arc::new(Includes::new(modules, NoNames, SearchPaths::default()));
        let plays = loaded.playbook.plays.iter();
        let mut pictures: Vec<Picture> =
            plays.map(|play| Picture::of(play, Strategy::Dag, &includes).unwrap()).collect();
        picture::follow(&mut pictures);
        pictures
    }

    /// A report of a run in which the second step took three of four seconds.
    fn report(file: &str) -> crate::report::model::ChangeReport {
        let host = |started: f64, seconds: f64| {
            serde_json::json!({"h": {"status": "ok", "ignored": false, "rescued": false,
                "delegated_to": null, "started": started, "seconds": seconds}})
        };
        let task = |line: u32, hosts| {
            serde_json::json!({"name": "t", "role": null, "module": "m", "handler": false,
                "place": {"file": file, "line": line, "column": 7}, "hosts": hosts, "changes": [],
                "effects": [], "failures": [], "unknown": []})
        };
        let report = serde_json::json!({"schema": "canvass-report/1", "engine": "", "mode": "apply",
            "started": null, "finished": null, "playbooks": [], "interrupted": false,
            "exit_code": 0, "notices": [], "recap": {},
            "plays": [{"number": 0, "name": "p", "place": {"file": file, "line": 2, "column": 3},
                "hosts": ["h"], "lockstep": true, "unmatched_pattern": null,
                "tasks": [task(5, host(0.0, 1.0)), task(8, host(1.0, 3.0)), task(99, host(4.0, 1.0))]}]});
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn a_run_colours_the_steps_that_its_end_waited_for() {
        let mut pictures = pictures();
        let (rest, found) = picture::colour(&mut pictures, &report("other/play.yml"));
        assert!(found && (rest - 1.0).abs() < 1e-9, "{rest}");
        let heat: Vec<usize> = pictures[0].nodes.iter().map(picture::Node::heat).collect();
        // before them stands what gathers nothing
        assert_eq!(heat[..4], [0, 2, 4, 0], "{heat:?}");
        let mut lines = String::new();
        text::draw(&pictures[0], &mut lines);
        assert!(lines.contains("took 3.0s, 3.0s on the critical path (60%)"), "{lines}");
        for (drawn, mark) in [
            (dot::draw(&pictures), "fillcolor=\"#ff7a3c\""),
            (mermaid::draw(&pictures), "class p0n2 heat4"),
            (svg::draw(&pictures), "step task hot heat4"),
        ] {
            assert!(drawn.contains(mark), "{drawn}");
        }
        assert!(!picture::colour(&mut pictures, &report("of-something-else.yml")).1);
    }

    #[test]
    fn each_edge_has_its_reason() {
        let pictures = pictures();
        let mut edges: Vec<String> = pictures[0]
            .edges
            .iter()
            .map(|edge| format!("{:?} {} {:?}", edge.from, edge.to, edge.reasons))
            .collect();
        let expected = [
            "Some(0) 1 [HostOrder]",
            "Some(1) 2 [HostOrder]",
            // what others read was said two steps before; handlers, which may say something
            // else, wait until all have read it
            "Some(1) 3 [OtherHosts]",
            "Some(2) 3 [HostOrder]",
            "Some(3) 4 [HostOrder, Once]",
            "Some(4) 5 [HostOrder]",
            "Some(3) 5 [OtherHosts]",
            "Some(5) 6 [HostOrder]",
        ];
        edges.sort();
        let mut expected = expected.map(str::to_owned);
        expected.sort();
        assert_eq!(edges, expected);
    }

    #[test]
    fn plays_wait_for_the_one_before_them_with_a_reason() {
        let pictures = pictures();
        let mut lines = String::new();
        for picture in &pictures {
            text::draw(picture, &mut lines);
        }
        assert!(lines.contains("waits for the play before it: variables of other hosts at "));
        for (drawn, waits, may) in [
            (lines, "play on db  (waits for", "play on mail  (may overlap the play before it"),
            (dot::draw(&pictures), "p0_6 -> p1_0 [label=\"waits", "p1_3 -> p2_0 [label=\"may"),
            (mermaid::draw(&pictures), "p0n6 ==>|\"waits", "p1n3 -.->|\"may overlap"),
            (svg::draw(&pictures), ">waits for the play", ">may overlap the play"),
        ] {
            assert!(drawn.contains(waits) && drawn.contains(may), "{drawn}");
        }
    }

    #[test]
    fn every_form_tells_the_reasons_and_takes_any_title() {
        let pictures = pictures();
        let mut lines = String::new();
        text::draw(&pictures[0], &mut lines);
        assert!(
            lines
                .contains("waits for its own last step, all hosts (variables of other hosts) at 1"),
            "{lines}"
        );
        assert!(lines.contains("always: Once"), "{lines}");
        let dot = dot::draw(&pictures);
        assert!(
            dot.contains(
                "p0_1 -> p0_3 [label=\"all hosts (variables of other hosts)\", penwidth=2];"
            ),
            "{dot}"
        );
        assert!(dot.contains(r#"Say \"<it>\""#), "{dot}");
        let mermaid = mermaid::draw(&pictures);
        assert!(
            mermaid.contains("p0n1 ==>|\"all hosts (variables of other hosts)\"| p0n3"),
            "{mermaid}"
        );
        assert!(mermaid.contains("Say #34;#60;it#62;#34;"), "{mermaid}");
        let svg = svg::draw(&pictures);
        assert!(svg.contains("Say &quot;&lt;it&gt;&quot;"), "{svg}");
        let edges: usize = pictures.iter().map(|picture| picture.edges.len()).sum();
        assert_eq!(svg.matches("<path ").count(), edges);
    }
}
