//! The program that keeps the passwords.

use std::cell::OnceCell;
use std::io::Write as _;
use std::process::{Command, Stdio};

use minijinja::Value;

use super::options::Wish;
use crate::template::failure::{Failure, Outcome};
use crate::template::python::{list, repr};

/// `pass` or `gopass`, with its environment.
pub(super) struct Program {
    name: String,
    environment: Vec<(&'static str, String)>,
    original: OnceCell<bool>,
}

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failed {
    command: String,
    code: i32,
    pub(super) output: String,
}

impl From<Failed> for Box<Failure> {
    fn from(failed: Failed) -> Self {
        let Failed { command, code, output } = failed;
        Failure::failed(format!("exit code {code} while running {command}. Error output: {output}"))
    }
}

impl Program {
    pub(super) fn of(wish: &Wish) -> Outcome<Self> {
        let mut program = Self {
            name: wish.backend.clone(),
            environment: vec![("LANGUAGE", "C".to_owned())],
            original: OnceCell::new(),
        };
        let directory = wish.directory.display().to_string();
        if wish.is_gopass() {
            program.environment.push(("GOPASS_NO_REMINDER", "YES".to_owned()));
        } else if wish.directory.is_dir() {
            program.environment.push(("PASSWORD_STORE_DIR", directory));
        } else if program.is_original()? {
            let message = format!("Passwordstore directory '{directory}' does not exist");
            return Err(Failure::failed(message));
        }
        program.environment.extend(wish.umask.clone().map(|umask| ("PASSWORD_STORE_UMASK", umask)));
        Ok(program)
    }

    /// Whether it is the original, and not a program that takes its place.
    pub(super) fn is_original(&self) -> Outcome<bool> {
        if let Some(known) = self.original.get() {
            return Ok(*known);
        }
        let printed = self.run(&["--version"], None)??;
        let known = printed.contains("pass: the standard unix password manager");
        Ok(*self.original.get_or_init(|| known))
    }

    /// What it prints.
    pub(super) fn run(
        &self,
        arguments: &[&str],
        input: Option<&str>,
    ) -> Outcome<Result<String, Failed>> {
        let words: Vec<Value> = std::iter::once(self.name.as_str())
            .chain(arguments.iter().copied())
            .map(Value::from)
            .collect();
        let mut command = Command::new(&self.name);
        command
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::inherit() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let cannot = |error: std::io::Error| {
            Failure::failed(match error.kind() {
                std::io::ErrorKind::NotFound => {
                    format!("[Errno 2] No such file or directory: '{}'", self.name)
                }
                _ => format!("cannot run {}: {error}", self.name),
            })
        };
        let mut child = command.spawn().map_err(cannot)?;
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            // one that reads nothing tells why with its code
            let _ = pipe.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(cannot)?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let all = stdout.clone() + &String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().unwrap_or(1);
        let code = match code {
            0 if all.contains("encryption failed: Unusable public key") => 78,
            code => code,
        };
        if code == 0 {
            return Ok(Ok(stdout));
        }
        Ok(Err(Failed { command: repr(&list(words))?, code, output: all }))
    }
}
