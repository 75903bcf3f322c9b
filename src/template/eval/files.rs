//! `{% include %}`, `{% import %}` and `{% extends %}`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value;

use super::callable::MacroContext;
use super::interpreter::{Blocks, Frame, Interpreter, lock};
use super::output::Output;
use crate::template::cache;
use crate::template::failure::{Failure, Outcome};
use crate::template::syntax::{Expression, Import, Node, Options, Template};

/// Where the templates that a template names are, and how they are read.
#[derive(Debug, Clone)]
pub(in crate::template) struct FileContext {
    /// Folders, the first first.
    pub(in crate::template) folders: Vec<PathBuf>,
    /// How they are read.
    pub(in crate::template) options: Options,
}

impl FileContext {
    fn read(&self, name: &str) -> Outcome<Option<Arc<Template>>> {
        let candidates: Vec<PathBuf> = if Path::new(name).is_absolute() {
            vec![PathBuf::from(name)]
        } else {
            self.folders.iter().map(|folder| folder.join(name)).collect()
        };
        let Some(path) = candidates.into_iter().find(|path| path.is_file()) else {
            return Ok(None);
        };
        let text = crate::source::inputs::read_to_string(&path)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
        let text = text.replace("\r\n", "\n");
        let text = text.strip_suffix('\n').unwrap_or(&text);
        cache::template(text, &self.options).map(Some).map_err(|error| {
            let mut failure = Box::<Failure>::from(error);
            failure.range = None;
            if let crate::template::TemplateErrorKind::Syntax { message, .. } = &mut failure.kind {
                *message = format!("{}: {message}", path.display());
            }
            failure
        })
    }
}

impl Interpreter<'_> {
    fn load(&mut self, node: &Node<Expression>) -> Outcome<Result<Arc<Template>, Box<Failure>>> {
        let (names, is_list) = self.template_names(node)?;
        let values;
        let files = match self.environment.files {
            Some(files) => files,
            None => {
                // a template in a value finds what lies beside the playbook
                let folder = self.environment.scope.directories().playbook.clone();
                values = FileContext { folders: vec![folder], options: Options::default() };
                &values
            }
        };
        for name in &names {
            if let Some(template) = files.read(name)? {
                return Ok(Ok(template));
            }
        }
        let name = names.join(", ");
        if is_list {
            let message = format!("none of the templates given were found: {name}");
            return Ok(Err(Failure::failed(message)));
        }
        let folders: Vec<String> =
            files.folders.iter().map(|folder| format!("'{}'", shown(folder))).collect();
        Ok(Err(Failure::failed(format!(
            "'{name}' not found in search path: {}",
            folders.join(", ")
        ))))
    }

    /// Runs a whole template: its body and, where it extends others, theirs.
    pub(in crate::template) fn template(
        &mut self,
        template: &Template,
        output: &mut Output,
    ) -> Outcome<()> {
        let mut blocks = Blocks::clone(&self.blocks);
        add_blocks(&mut blocks, template);
        self.blocks = Arc::new(blocks);
        let extends = |statement: &crate::template::syntax::Statement| {
            matches!(statement, crate::template::syntax::Statement::Extends(_))
        };
        let Some(position) = template.body.iter().position(extends) else {
            return self.statements(&template.body, output);
        };
        // what stands before `extends` is emitted, what stands after it only sets names
        let (before, after) = template.body.split_at(position);
        self.statements(before, output)?;
        let mut discarded = Output::default();
        let mut parent = None;
        for statement in after {
            match statement {
                crate::template::syntax::Statement::Extends(name) => {
                    parent = Some(self.load(name)??);
                }
                crate::template::syntax::Statement::Block(..) => {}
                other => self.statements(std::slice::from_ref(other), &mut discarded)?,
            }
        }
        match parent {
            Some(parent) => {
                let mut inner = self.nested(self.frames.clone())?;
                inner.template(&parent, output)
            }
            None => Ok(()),
        }
    }

    /// An `extends` that is not at the top of the template.
    pub(super) fn extends(&mut self, _name: &Node<Expression>) -> Outcome<()> {
        Err(Failure::failed("`extends` inside of another statement is not supported"))
    }

    fn context(&self, import: Import) -> (Vec<Frame>, MacroContext) {
        match import {
            Import::WithContext => {
                let mut frames = self.frames.clone();
                frames.push(Frame::default());
                (frames, self.context)
            }
            Import::WithoutContext => (vec![Frame::default()], MacroContext::Nothing),
        }
    }

    pub(super) fn include(
        &mut self,
        name: &Node<Expression>,
        ignore_missing: bool,
        context: Import,
        output: &mut Output,
    ) -> Outcome<()> {
        let template = match self.load(name)? {
            Ok(template) => template,
            Err(_) if ignore_missing => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let (frames, context) = self.context(context);
        let mut inner = self.nested(frames)?;
        inner.context = context;
        inner.blocks = Arc::default();
        inner.template(&template, output)
    }

    pub(super) fn import(
        &mut self,
        name: &Node<Expression>,
        context: Import,
    ) -> Outcome<Vec<(String, Value)>> {
        let template = self.load(name)??;
        let (frames, context) = self.context(context);
        let mut inner = self.nested(frames)?;
        inner.context = context;
        inner.blocks = Arc::default();
        inner.template(&template, &mut Output::default())?;
        let names = inner.frames.last().map(|frame| {
            lock(frame)
                .iter()
                .filter(|(name, _)| !name.starts_with('_'))
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect()
        });
        Ok(names.unwrap_or_default())
    }

    pub(super) fn from_import(
        &mut self,
        name: &Node<Expression>,
        names: &[(Arc<str>, Arc<str>)],
        context: Import,
    ) -> Outcome<()> {
        let module = self.import(name, context)?;
        for (imported, known_as) in names {
            let found = module.iter().find(|(name, _)| **name == **imported);
            let Some((_, value)) = found else {
                return Err(Failure::failed(format!(
                    "the template does not export the requested name '{imported}'"
                )));
            };
            self.assign(known_as, value.clone());
        }
        Ok(())
    }
}

/// A folder as it is told; the one at hand has no name.
fn shown(folder: &Path) -> std::path::Display<'_> {
    let here = folder.as_os_str().is_empty();
    if here { Path::new(".").display() } else { folder.display() }
}

fn add_blocks(blocks: &mut Blocks, template: &Template) {
    for (name, body) in &template.blocks {
        blocks.entry(Arc::clone(name)).or_default().push(Arc::clone(body));
    }
}
