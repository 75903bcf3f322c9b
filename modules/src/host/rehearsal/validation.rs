//! What a program that validates a file would say of it.
//!
//! Programs that only read are asked, with the file laid out where nobody else sees it. Any other
//! command might do something: what it would say is told as a doubt.

use std::path::PathBuf;

use super::{RehearsalHost, Validation};
use crate::effect::{Command, Content, WriteFile};
use crate::host::{Host, HostError, validation};
use crate::wire::NOW_IT_FAILS;

/// What makes a program only read.
enum Only {
    /// It never does anything else.
    Always,
    /// A flag of one letter, alone or among others (`-cf`).
    Flag(char),
    /// A word among its arguments.
    Word(&'static str),
    /// The first of its arguments.
    First(&'static str),
    /// These first arguments, options, and one file: another one would be written.
    Module(&'static str),
}

/// Programs that look at a file and leave all as it is. Servers that open logs on such an occasion
/// (nginx, Apache) are none of them.
const READERS: &[(&str, Only)] = &[
    ("amtool", Only::Word("check-config")),
    ("bash", Only::First("-n")),
    ("cat", Only::Always),
    ("dnsmasq", Only::Word("--test")),
    ("false", Only::Always),
    ("grep", Only::Always),
    ("haproxy", Only::Flag('c')),
    ("iptables-restore", Only::Word("--test")),
    ("jq", Only::Always),
    ("logrotate", Only::Flag('d')),
    ("named-checkconf", Only::Always),
    ("named-checkzone", Only::Always),
    ("nft", Only::Flag('c')),
    ("php", Only::First("-l")),
    ("promtool", Only::First("check")),
    ("python3", Only::Module("json.tool")),
    ("rsyslogd", Only::Flag('N')),
    ("sh", Only::First("-n")),
    ("sshd", Only::Flag('t')),
    ("sshd", Only::Flag('T')),
    ("test", Only::Always),
    ("testparm", Only::Always),
    ("true", Only::Always),
    ("unbound-checkconf", Only::Always),
    ("visudo", Only::Flag('c')),
    ("visudo", Only::Word("--check")),
    ("xmllint", Only::Word("--noout")),
];

/// Options with which these write all the same, at the start of a word.
const WRITERS: &[(&str, &[&str])] = &[
    ("logrotate", &["-l", "--log", "-s", "--state"]),
    ("named-checkzone", &["-o", "-D"]),
    ("visudo", &["-x", "--export"]),
    ("xmllint", &["-o", "--output"]),
];

impl<B: Host> RehearsalHost<B> {
    /// Asks whether the file would be accepted; where nobody can be asked, that is a doubt. A
    /// refusal is the error of the run, or the reason why all is unknown where what comes before
    /// may mend it.
    pub(super) fn foresee_validation(
        &mut self,
        write: &WriteFile,
    ) -> Result<Option<String>, HostError> {
        let Some(template) = write.validate.as_ref().filter(|_| self.asks_validators()) else {
            return Ok(None);
        };
        let shown = |what: &str| format!("whether `{template}` accepts the file {what}");
        let Some(file) = self.lay_out_for(template, &write.content)? else {
            self.doubts.push(shown("is known only in the run"));
            return Ok(None);
        };
        let output = match self.query(&validation(template, &file)?) {
            Ok(mut output) => {
                output.rename(&file, &write.path);
                output
            }
            Err(HostError::Unknown(reason)) => {
                self.doubts.push(shown(&format!("is known only in the run: {reason}")));
                return Ok(None);
            }
            Err(_) if self.overlay.touched => {
                self.doubts.push(shown("is known only in the run"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if output.success() {
            return Ok(None);
        }
        let said = output.stderr_text();
        let said = said.trim().lines().next().unwrap_or_default().to_owned();
        if self.overlay.touched {
            // what it reads beside the file may come by then
            return Ok(Some(shown(&format!("is known only in the run; {NOW_IT_FAILS}: {said}"))));
        }
        let command = template.replace("%s", &file.to_string_lossy());
        Err(HostError::Validation { command, output: Box::new(output) })
    }

    /// The file for a program that only reads; `None` for others, and where that cannot be.
    fn lay_out_for(
        &mut self,
        template: &str,
        content: &Content,
    ) -> Result<Option<PathBuf>, HostError> {
        if !only_reads(&validation(template, "file".as_ref())?) {
            return Ok(None);
        }
        let Some(content) = self.laid_out_content(content)? else { return Ok(None) };
        Ok(self.base.lay_out(&content).ok())
    }

    fn asks_validators(&self) -> bool {
        self.validation == Validation::Foresee
    }

    fn laid_out_content(&mut self, content: &Content) -> Result<Option<Content>, HostError> {
        Ok(match content {
            Content::Bytes(bytes) => Some(Content::Bytes(bytes.clone())),
            Content::Source(source) if source.size <= super::KEPT_CONTENT => {
                Some(Content::Bytes(self.load_source(source)?.to_vec()))
            }
            Content::File(path) => self.read(path).ok().map(Content::Bytes),
            Content::Source(_) | Content::Packed(_) => None,
        })
    }
}

fn only_reads(command: &Command) -> bool {
    let Some((program, arguments)) = command.argv.split_first() else { return false };
    let program = program.rsplit('/').next().unwrap_or_default();
    let mut writers = WRITERS.iter().filter(|(name, _)| *name == program);
    let writes = writers.any(|(_, options)| {
        arguments.iter().any(|word| options.iter().any(|option| word.starts_with(option)))
    });
    !writes
        && READERS.iter().filter(|(name, _)| *name == program).any(|(_, only)| match only {
            Only::Always => true,
            Only::Flag(letter) => arguments.iter().any(|word| {
                let flags = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
                flags.is_some_and(|flags| flags.contains(*letter))
            }),
            Only::Word(wanted) => arguments.iter().any(|word| word == wanted),
            Only::First(wanted) => arguments.first().is_some_and(|word| word == wanted),
            Only::Module(wanted) => match arguments {
                [flag, module, rest @ ..] if flag == "-m" && module == wanted => {
                    rest.iter().filter(|word| !word.starts_with('-')).count() == 1
                }
                _ => false,
            },
        })
}

#[cfg(test)]
mod tests {
    use super::only_reads;
    use crate::host::validation;

    #[test]
    fn only_programs_that_change_nothing_are_asked() {
        for (template, asked) in [
            ("/usr/sbin/visudo -cf %s", true),
            ("visudo -q --check %s", true),
            ("visudo -f %s", false),
            ("/usr/sbin/sshd -T -C user=root -f %s", true),
            ("sshd -f %s", false),
            ("haproxy -f %s -c -q", true),
            ("bash -n %s", true),
            ("bash -c 'touch /x; cat %s' -n", false),
            ("nginx -t -c %s", false),
            ("cp %s /tmp/x", false),
            ("promtool check config %s", true),
            ("python3 -m json.tool %s", true),
            ("python3 -m json.tool --sort-keys %s", true),
            ("python3 -m json.tool %s /tmp/out", false),
            ("python3 %s json.tool", false),
            ("visudo -c -f %s -x/tmp/out", false),
            ("xmllint --noout --output /tmp/out %s", false),
        ] {
            let command = validation(template, "/f".as_ref()).unwrap();
            assert_eq!(only_reads(&command), asked, "{template}");
        }
    }
}
