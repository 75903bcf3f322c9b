//! The view of a task: layers of variables, rendered on access.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use indexmap::IndexSet;
use minijinja::Value;

use super::layer::{Layer, Var};
use super::lazy::{LazyList, LazyMap, ScopeValue, UnknownResult};
use super::watch;
use crate::template::{
    Directories, Failure, Outcome, TemplateError, USUAL, bounded, finalised, look_at, recursion,
    template_value, vaulted,
};

/// What a template can see: layers from the strongest to the weakest.
///
/// Cheap to clone; rendered values are cached within one scope and its clones.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    layers: Vec<Arc<Layer>>,
    cache: Cache,
    directories: Arc<Directories>,
    implied: Option<Arc<dyn Implied>>,
}

/// Variables that are there where nothing sets them.
pub(crate) trait Implied: fmt::Debug + Send + Sync {
    /// The value of one of them; `scope` is where it is asked for.
    fn value(&self, name: &str, scope: &Scope) -> Outcome<Option<Value>>;
}

type Rendered = Mutex<HashMap<String, Value>>;

/// Rendered values. What lies in them must not keep them alive, so it refers to them weakly.
#[derive(Debug, Clone)]
enum Cache {
    Own(Arc<Rendered>),
    Shared(Weak<Rendered>),
}

impl Default for Cache {
    fn default() -> Self {
        Self::Own(Arc::default())
    }
}

impl Cache {
    fn weak(&self) -> Self {
        match self {
            Self::Own(rendered) => Self::Shared(Arc::downgrade(rendered)),
            Self::Shared(rendered) => Self::Shared(Weak::clone(rendered)),
        }
    }

    fn get(&self) -> Option<Arc<Rendered>> {
        match self {
            Self::Own(rendered) => Some(Arc::clone(rendered)),
            Self::Shared(rendered) => rendered.upgrade(),
        }
    }

    fn identity(&self) -> usize {
        match self {
            Self::Own(rendered) => Arc::as_ptr(rendered).addr(),
            Self::Shared(rendered) => rendered.as_ptr().addr(),
        }
    }
}

/// Variables that this thread renders at the moment, the outermost first: scope and name.
type Stack = Vec<(usize, String)>;

thread_local! {
    static RENDERING: RefCell<Stack> = const { RefCell::new(Vec::new()) };
}

/// Longer chains of variables are refused, so that none overflows the stack.
const MAXIMUM_CHAIN: usize = 60;

impl Scope {
    /// A scope of these layers, the strongest first.
    pub fn new(layers: Vec<Arc<Layer>>) -> Self {
        Self { layers, ..Self::default() }
    }

    /// This scope with a stronger layer over it, with a cache of its own.
    #[must_use]
    pub fn over(&self, layer: Arc<Layer>) -> Self {
        let mut layers = Vec::with_capacity(self.layers.len() + 1);
        layers.push(layer);
        layers.extend(self.layers.iter().cloned());
        Self { layers, cache: Cache::default(), ..self.clone() }
    }

    /// This scope with variables that are there where no layer has them.
    #[must_use]
    pub(crate) fn with_implied(&self, implied: Arc<dyn Implied>) -> Self {
        Self { implied: Some(implied), cache: Cache::default(), ..self.clone() }
    }

    /// This scope without them.
    pub(crate) fn stated(&self) -> Self {
        match self.implied {
            Some(_) => Self { implied: None, cache: Cache::default(), ..self.clone() },
            None => self.clone(),
        }
    }

    /// This scope with the folders where lookups and includes search.
    #[must_use]
    pub fn with_directories(mut self, directories: Arc<Directories>) -> Self {
        self.directories = directories;
        self.cache = Cache::default();
        self
    }

    /// The folders where lookups and includes search.
    pub fn directories(&self) -> &Arc<Directories> {
        &self.directories
    }

    /// The variable of this name from the strongest layer that has it.
    pub fn find(&self, name: &str) -> Option<&Var> {
        watch::note(name);
        self.layers.iter().find_map(|layer| layer.get(name))
    }

    /// The names of all variables, those of the strongest layer first.
    pub fn names(&self) -> Vec<String> {
        watch::note("vars");
        let names: IndexSet<&String> = self.layers.iter().flat_map(|layer| layer.keys()).collect();
        names.into_iter().cloned().collect()
    }

    /// The value of a variable with all templates in it rendered; `None` where nothing sets it.
    pub fn value(&self, name: &str) -> Result<Option<Value>, TemplateError> {
        let find = || self.lookup(name)?.map(|value| finalised(&value)).transpose();
        bounded(USUAL, find).map_err(|failure| failure.into_error(None))
    }

    /// All variables as a mapping that renders on access: `vars`, or a host of `hostvars`.
    pub fn to_value(&self) -> Value {
        Value::from_object(ScopeValue(self.clone()))
    }

    /// The value of a variable, its containers rendered when they are read.
    pub(crate) fn lookup(&self, name: &str) -> Outcome<Option<Value>> {
        let Some(var) = self.find(name) else {
            return self.implied(name);
        };
        if let Var::Data(value) = var {
            look_at(value, Some(name));
            return Ok(Some(value.clone()));
        }
        let cache = self.cache.get();
        let cached = cache.as_deref().and_then(|cache| lock(cache).get(name).cloned());
        if cached.is_some() {
            return Ok(cached);
        }
        let _entered = Entered::new(self.cache.identity(), name)?;
        let value = self.render(var)?;
        if let Some(cache) = cache {
            lock(&cache).insert(name.to_owned(), value.clone());
        }
        Ok(Some(value))
    }

    /// A variable that nothing sets and that is there nevertheless.
    fn implied(&self, name: &str) -> Outcome<Option<Value>> {
        match name {
            "vars" if !self.layers.is_empty() => {
                Ok(Some(Self { implied: None, ..self.inner() }.to_value()))
            }
            "ansible_search_path" => {
                let folders = self.directories.search_path();
                Ok((!folders.is_empty()).then(|| Value::from(folders)))
            }
            _ => match &self.implied {
                Some(implied) => implied.value(name, self),
                None => Ok(None),
            },
        }
    }

    /// This scope for values that lie in its own cache.
    fn inner(&self) -> Self {
        Self {
            layers: self.layers.clone(),
            cache: self.cache.weak(),
            directories: Arc::clone(&self.directories),
            implied: self.implied.clone(),
        }
    }

    /// The value of something with templates inside.
    pub(crate) fn render(&self, var: &Var) -> Outcome<Value> {
        Ok(match var {
            Var::Data(value) => {
                look_at(value, None);
                value.clone()
            }
            Var::Template(text, span) => template_value(text, span.as_ref(), self)?,
            Var::Vault(ciphertext, span) => vaulted(ciphertext, span.as_ref()),
            Var::List(vars) => Value::from_object(LazyList::new(Arc::clone(vars), self.inner())),
            Var::Map(vars) => Value::from_object(LazyMap::new(Arc::clone(vars), self.inner())),
            Var::Unknown(known, reason) => {
                let known = LazyMap::new(Arc::clone(known), self.inner());
                Value::from_object(UnknownResult::new(known, Arc::clone(reason)))
            }
        })
    }
}

fn lock(cache: &Rendered) -> std::sync::MutexGuard<'_, HashMap<String, Value>> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A variable that is being rendered; leaves the stack when dropped.
struct Entered;

impl Entered {
    fn new(identity: usize, name: &str) -> Outcome<Self> {
        RENDERING.with_borrow_mut(|stack| {
            let repeats = stack.iter().any(|(scope, entry)| *scope == identity && entry == name);
            if repeats {
                return Err(recursion());
            }
            if stack.len() >= MAXIMUM_CHAIN {
                return Err(Failure::too_deep());
            }
            stack.push((identity, name.to_owned()));
            Ok(Self)
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        RENDERING.with_borrow_mut(|stack| {
            stack.pop();
        });
    }
}
