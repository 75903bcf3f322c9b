//! What is learnt of hosts in a run: facts, registered results, `set_fact`, `include_vars`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;
use minijinja::Value;

use crate::source::Place;
use crate::vars::{HashBehaviour, Layer, Var, merge};

/// What is known of one host beyond the files of the user.
#[derive(Debug, Clone)]
pub(crate) struct HostVars {
    /// Facts: `ansible_facts` and the injected `ansible_*`.
    pub facts: Arc<Layer>,
    /// Results of `register` and values of `set_fact`.
    pub set: Arc<Layer>,
    /// Values of `include_vars`.
    pub included: Arc<Layer>,
}

impl HostVars {
    /// Whether facts of the host were gathered.
    pub(crate) fn are_facts_gathered(&self) -> bool {
        self.facts.contains_key("module_setup")
    }
}

impl Default for HostVars {
    fn default() -> Self {
        Self { facts: no_facts(), set: Arc::default(), included: Arc::default() }
    }
}

/// `ansible_facts` is there before any are gathered.
fn no_facts() -> Arc<Layer> {
    let empty = Value::from_pairs(std::iter::empty::<(&str, Value)>());
    Arc::new(Layer::from([("ansible_facts".to_owned(), Var::Data(empty))]))
}

/// What is known of all hosts; each host's part is replaced as a whole when something is learnt.
#[derive(Debug, Default)]
pub(crate) struct HostTable {
    hosts: RwLock<HashMap<String, Arc<HostVars>>>,
    hash: HashBehaviour,
}

impl HostTable {
    /// Nothing is known yet.
    pub(crate) fn new(hash: HashBehaviour) -> Self {
        Self { hash, ..Self::default() }
    }

    /// What is known of a host now.
    pub(crate) fn of(&self, host: &str) -> Arc<HostVars> {
        self.hosts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
            .unwrap_or_default()
    }

    /// Learns something of a host.
    pub(crate) fn learn(&self, host: &str, change: &Learnt) {
        if change.is_empty() {
            return;
        }
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        let slot = hosts.entry(host.to_owned()).or_default();
        let known = Arc::make_mut(slot);
        match change.facts.as_ref() {
            Some(Facts::Gathered(facts)) => learn_facts(Arc::make_mut(&mut known.facts), facts),
            Some(Facts::Cleared) => known.facts = no_facts(),
            None => {}
        }
        if !change.set.is_empty() {
            Arc::make_mut(&mut known.set)
                .extend(change.set.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        if !change.included.is_empty() {
            let included = Arc::make_mut(&mut known.included);
            for (name, value) in &change.included {
                let value = match included.get(name) {
                    Some(there) if self.hash == HashBehaviour::Merge => merge(there, value),
                    _ => value.clone(),
                };
                included.insert(name.clone(), value);
            }
        }
    }
}

/// What a task taught about its host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learnt {
    /// Facts that a module returned.
    pub facts: Option<Facts>,
    /// `register` and `set_fact`.
    pub set: Layer,
    /// `include_vars`.
    pub included: Layer,
    /// Where variables with reserved names were read.
    pub places: HashMap<String, Place>,
}

/// What happens to a host's facts.
#[derive(Debug, Clone)]
pub(crate) enum Facts {
    /// These were returned, with names as modules return them.
    Gathered(IndexMap<String, Value>),
    /// `meta: clear_facts`.
    Cleared,
}

impl Learnt {
    fn is_empty(&self) -> bool {
        self.facts.is_none() && self.set.is_empty() && self.included.is_empty()
    }

    /// Adds what a later item of the same task taught.
    pub(crate) fn merge(&mut self, later: Self) {
        match (&mut self.facts, later.facts) {
            (Some(Facts::Gathered(facts)), Some(Facts::Gathered(more))) => facts.extend(more),
            (slot, Some(facts)) => *slot = Some(facts),
            (_, None) => {}
        }
        self.set.extend(later.set);
        self.included.extend(later.included);
        self.places.extend(later.places);
    }
}

/// Facts are seen as `ansible_facts.name`, without the prefix `ansible_`, and, injected, by the name
/// under which a module returned them.
fn learn_facts(layer: &mut Layer, facts: &IndexMap<String, Value>) {
    let mut all: IndexMap<Value, Value> = IndexMap::new();
    if let Some(Var::Data(known)) = layer.get("ansible_facts")
        && let Ok(names) = known.try_iter()
    {
        for name in names {
            let value = known.get_item(&name).unwrap_or_default();
            all.insert(name, value);
        }
    }
    for (name, value) in facts {
        let short = name.strip_prefix("ansible_").unwrap_or(name);
        all.insert(Value::from(short), value.clone());
        layer.insert(name.clone(), Var::Data(value.clone()));
    }
    layer.insert("ansible_facts".to_owned(), Var::Data(Value::from_pairs(all)));
}
