//! Lists and mappings whose templates are rendered when something reads them.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::layer::Var;
use super::scope::Scope;
use crate::template::{Failure, Outcome};

/// A list with templates inside.
#[derive(Debug)]
pub(crate) struct LazyList {
    vars: Arc<[Var]>,
    scope: Scope,
    rendered: Box<[OnceLock<Value>]>,
}

impl LazyList {
    pub(super) fn new(vars: Arc<[Var]>, scope: Scope) -> Self {
        let rendered = vars.iter().map(|_| OnceLock::new()).collect();
        Self { vars, scope, rendered }
    }

    /// The rendered element at an index.
    pub(crate) fn value(&self, index: usize) -> Outcome<Option<Value>> {
        render_at(self.vars.get(index), self.rendered.get(index), &self.scope)
    }

    /// All elements.
    pub(crate) fn values(&self) -> Outcome<Vec<Value>> {
        (0..self.vars.len()).map(|index| Ok(self.value(index)?.unwrap_or_default())).collect()
    }
}

fn render_at(
    var: Option<&Var>,
    rendered: Option<&OnceLock<Value>>,
    scope: &Scope,
) -> Outcome<Option<Value>> {
    let (Some(var), Some(rendered)) = (var, rendered) else {
        return Ok(None);
    };
    if let Some(value) = rendered.get() {
        return Ok(Some(value.clone()));
    }
    let value = match scope.render(var) {
        Ok(value) => value,
        // a missing value is an error only where it is used
        Err(failure) => failure.into_undefined()?,
    };
    Ok(Some(rendered.get_or_init(|| value).clone()))
}

impl Object for LazyList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.value(key.as_usize()?).unwrap_or_else(|failure| Some(failure.into_value()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.vars.len())
    }
}

/// A mapping with templates inside.
#[derive(Debug)]
pub(crate) struct LazyMap {
    vars: Arc<IndexMap<String, Var>>,
    scope: Scope,
    /// The keys as written may be templates.
    keys: OnceLock<Vec<String>>,
    rendered: Box<[OnceLock<Value>]>,
}

impl LazyMap {
    pub(super) fn new(vars: Arc<IndexMap<String, Var>>, scope: Scope) -> Self {
        let rendered = vars.iter().map(|_| OnceLock::new()).collect();
        Self { vars, scope, keys: OnceLock::new(), rendered }
    }

    fn keys(&self) -> Outcome<&[String]> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys);
        }
        let mut keys = Vec::with_capacity(self.vars.len());
        for key in self.vars.keys() {
            keys.push(if crate::template::holds_template(key) {
                crate::template::rendered_text(key, &self.scope)?
            } else {
                key.clone()
            });
        }
        Ok(self.keys.get_or_init(|| keys))
    }

    fn at(&self, index: usize) -> Outcome<Option<Value>> {
        let var = self.vars.get_index(index).map(|(_, var)| var);
        render_at(var, self.rendered.get(index), &self.scope)
    }

    /// The rendered value of a key.
    pub(crate) fn field(&self, key: &Value) -> Outcome<Option<Value>> {
        let Some(name) = key.as_str() else {
            return Ok(None);
        };
        if let Some(index) = self.vars.get_index_of(name) {
            return self.at(index);
        }
        if !self.vars.keys().any(|key| crate::template::holds_template(key)) {
            return Ok(None);
        }
        match self.keys()?.iter().rposition(|key| key == name) {
            Some(index) => self.at(index),
            None => Ok(None),
        }
    }

    /// The entry at a place.
    pub(crate) fn entry(&self, index: usize) -> Outcome<Option<(Value, Value)>> {
        let Some(key) = self.keys()?.get(index) else {
            return Ok(None);
        };
        Ok(self.at(index)?.map(|value| (Value::from(key.as_str()), value)))
    }

    /// All entries.
    pub(crate) fn entries(&self) -> Outcome<Vec<(Value, Value)>> {
        let mut entries: IndexMap<String, Value> = IndexMap::new();
        for (index, key) in self.keys()?.iter().enumerate() {
            if let Some(value) = self.at(index)? {
                entries.insert(key.clone(), value);
            }
        }
        Ok(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
    }
}

impl Object for LazyMap {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.field(key).unwrap_or_else(|failure| Some(failure.into_value()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.keys() {
            Ok(keys) => {
                Enumerator::Values(keys.iter().map(|key| Value::from(key.as_str())).collect())
            }
            Err(failure) => Enumerator::Values(vec![failure.into_value()]),
        }
    }
}

/// The result of a task that a rehearsal did not run.
#[derive(Debug)]
pub(crate) struct UnknownResult {
    known: LazyMap,
    reason: Arc<str>,
}

impl UnknownResult {
    pub(super) fn new(known: LazyMap, reason: Arc<str>) -> Self {
        Self { known, reason }
    }

    /// Why it is unknown.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// A field that is known; the failure of an unknown one.
    pub(crate) fn field(&self, key: &Value) -> Outcome<Value> {
        self.known.field(key)?.ok_or_else(|| Failure::unknown(&self.reason))
    }
}

/// A value of which nothing is known before the run.
pub(crate) fn unknown(reason: &str) -> Value {
    let known = LazyMap::new(Arc::default(), Scope::new(Vec::new()));
    Value::from_object(UnknownResult::new(known, reason.into()))
}

impl Object for UnknownResult {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(self.field(key).unwrap_or_else(Failure::into_value))
    }
}

/// All variables of a scope as a mapping.
#[derive(Debug)]
pub(crate) struct ScopeValue(pub(super) Scope);

impl ScopeValue {
    /// A variable's value.
    pub(crate) fn lookup(&self, name: &str) -> Outcome<Option<Value>> {
        self.0.lookup(name)
    }
}

impl Object for ScopeValue {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.lookup(key.as_str()?).unwrap_or_else(|failure| Some(failure.into_value()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        // `hostvars` holds this very mapping: it is read there, and not listed here
        let names = self.0.names().into_iter().filter(|name| name != "hostvars");
        Enumerator::Values(names.map(Value::from).collect())
    }
}
