//! `--events`: each event as a line of JSON, as it happens (`docs/events.md`).

use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;

use super::Consumer;
use super::event::{Event, SCHEMA};
use super::moment;

/// Writes the lines.
pub struct JsonLines<O> {
    out: O,
}

impl<O: Write + Send> JsonLines<O> {
    /// To this output, flushed after each line.
    pub fn new(out: O) -> Self {
        Self { out }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'static str>,
    told: String,
    #[serde(flatten)]
    event: &'a Event,
}

impl<O: Write + Send> Consumer for JsonLines<O> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let schema = matches!(event, Event::RunStarted { .. }).then_some(SCHEMA);
        // what only the program itself waits for is nobody's event
        if matches!(event, Event::Waiting { .. }) {
            return Ok(());
        }
        let line = Line { schema, told: moment::rfc3339(SystemTime::now()), event };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::report::event::{RunMode, Status};
    use crate::report::human::tests::{Paper, Run, changed, outcome};

    fn lines() -> Vec<Json> {
        let mut run = Run::new(RunMode::Apply, &["h".to_owned()]);
        let task = run.task("page", "copy");
        run.host(task, "h", changed("/x", "", "new\n"));
        run.item(task, "h", json!("nginx"), outcome(Status::Unknown { reason: "why".to_owned() }));
        let paper = Paper::default();
        let mut out = JsonLines::new(paper.clone());
        for event in run.finish(0) {
            out.event(&event).unwrap();
        }
        paper.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_event_is_a_line_that_is_read_back() {
        let lines = lines();
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[0]["schema"], SCHEMA);
        assert_eq!(lines[0]["event"], "run_started");
        assert_eq!(lines[0]["at"], "1970-01-01T00:00:00Z");
        assert_eq!(lines[4]["event"], "host_finished");
        assert_eq!(lines[4]["outcome"]["took"], 1.25);
        assert_eq!(lines[4]["outcome"]["status"], json!({"status": "changed"}));
        for line in lines {
            serde_json::from_value::<Event>(line).unwrap();
        }
    }

    #[test]
    fn every_event_and_field_is_documented() {
        fn fields(value: &Json, found: &mut Vec<String>) {
            if let Json::Object(map) = value {
                for (name, value) in map {
                    found.push(name.clone());
                    // hosts, results, diffs and effects are described elsewhere
                    if !matches!(name.as_str(), "recap" | "result" | "diffs" | "effects") {
                        fields(value, found);
                    }
                }
            }
        }
        let page = include_str!("../../docs/events.md");
        let mut found = Vec::new();
        for line in lines() {
            found.push(line["event"].as_str().unwrap().to_owned());
            fields(&line, &mut found);
        }
        for name in found {
            assert!(page.contains(&format!("`{name}`")), "`{name}` is not documented");
        }
    }
}
