//! What is learnt of hosts in a run: facts, registered results, `set_fact`, `include_vars`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use indexmap::IndexMap;
use minijinja::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::report::event::{Event, Level};
use crate::source::Place;
use crate::vars::{HashBehaviour, Layer, Var, merge};

use super::fact_cache::{FactCacheError, FactFiles, HostFacts};
use super::reserved::is_connection_variable;

/// The fact that says that `gather_facts` has run.
pub(crate) const GATHERED: &str = "_ansible_facts_gathered";

/// What is known of one host beyond the files of the user.
#[derive(Debug, Clone)]
pub(crate) struct HostVars {
    /// Facts as modules returned them.
    returned: Arc<HostFacts>,
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
        self.returned.get(GATHERED).is_some_and(Value::is_true)
    }
}

impl Default for HostVars {
    fn default() -> Self {
        Self {
            returned: Arc::default(),
            facts: Arc::new(visible(&HostFacts::new())),
            set: Arc::default(),
            included: Arc::default(),
        }
    }
}

/// What is known of all hosts; each host's part is replaced as a whole when something is learnt.
pub(crate) struct HostTable {
    hosts: RwLock<HashMap<String, Arc<HostVars>>>,
    hash: HashBehaviour,
    cache: Option<Arc<FactFiles>>,
    keeper: Mutex<Option<Keeper>>,
    events: UnboundedSender<Event>,
}

/// Writes what is learnt into the cache, in order, away from the hosts' work.
struct Keeper {
    orders: UnboundedSender<Order>,
    work: JoinHandle<()>,
}

enum Order {
    Keep(String, Arc<HostFacts>),
    Forget(String),
}

impl HostTable {
    /// Knows nothing but what the cache has.
    pub(crate) fn new(
        hash: HashBehaviour,
        cache: Option<Arc<FactFiles>>,
        events: &UnboundedSender<Event>,
    ) -> Self {
        let keeper = cache.clone().map(|cache| {
            let (orders, given) = unbounded_channel();
            let events = events.clone();
            let work = tokio::task::spawn_blocking(move || keep(&cache, given, &events));
            Keeper { orders, work }
        });
        Self {
            hosts: RwLock::default(),
            hash,
            cache,
            keeper: Mutex::new(keeper),
            events: events.clone(),
        }
    }

    /// What is known of a host now; of one that was not asked for yet, the cache is read.
    pub(crate) fn of(&self, host: &str) -> Arc<HostVars> {
        let known =
            self.hosts.read().unwrap_or_else(PoisonError::into_inner).get(host).map(Arc::clone);
        if let Some(known) = known {
            return known;
        }
        let Some(cache) = &self.cache else { return Arc::default() };
        let read = cache.read(host).unwrap_or_else(|error| {
            warn(&self.events, &error);
            None
        });
        let known = Arc::new(self.with_facts(HostVars::default(), read.unwrap_or_default()));
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hosts.entry(host.to_owned()).or_insert(known))
    }

    fn with_facts(&self, known: HostVars, facts: HostFacts) -> HostVars {
        let layer = visible(&facts);
        HostVars { facts: Arc::new(layer), returned: Arc::new(facts), ..known }
    }

    /// Learns something of a host.
    pub(crate) fn learn(&self, host: &str, change: &Learnt) {
        if change.is_empty() {
            return;
        }
        let mut known = (*self.of(host)).clone();
        match change.facts.as_ref() {
            Some(Facts::Gathered(facts)) => {
                self.warn_of_restricted(facts);
                let mut all = (*known.returned).clone();
                all.extend(facts.iter().map(|(name, value)| (name.clone(), value.clone())));
                known = self.with_facts(known, all);
                self.order(|| Order::Keep(host.to_owned(), Arc::clone(&known.returned)));
            }
            Some(Facts::Cleared) => {
                known = self.with_facts(known, HostFacts::new());
                self.order(|| Order::Forget(host.to_owned()));
            }
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
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        hosts.insert(host.to_owned(), Arc::new(known));
    }

    fn order(&self, order: impl FnOnce() -> Order) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = &*keeper {
            // a keeper that has ended keeps nothing more
            let _ = keeper.orders.send(order());
        }
    }

    /// Waits until all that was learnt is kept.
    pub(crate) async fn close(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Keeper { orders, work }) = keeper {
            drop(orders);
            let _ = work.await;
        }
    }

    fn warn_of_restricted(&self, facts: &HostFacts) {
        for name in facts.keys().filter(|name| is_restricted(name)) {
            if !name.starts_with("ansible_ssh_host_key_") && !name.starts_with("_ansible_") {
                notice(&self.events, format!("Removed restricted key from module data: {name}"));
            }
        }
    }
}

fn keep(cache: &FactFiles, mut given: UnboundedReceiver<Order>, events: &UnboundedSender<Event>) {
    while let Some(order) = given.blocking_recv() {
        match order {
            Order::Keep(host, facts) => {
                if let Err(error) = cache.write(&host, &facts) {
                    warn(events, &error);
                }
            }
            Order::Forget(host) => cache.forget(&host),
        }
    }
}

fn warn(events: &UnboundedSender<Event>, error: &FactCacheError) {
    notice(events, error.to_string());
}

fn notice(events: &UnboundedSender<Event>, text: String) {
    let _ = events.send(Event::Notice {
        level: Level::Warning,
        text,
        place: None,
        host: None,
        marked: false,
    });
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
    /// What was learnt of other hosts (`delegate_facts`).
    pub elsewhere: Vec<(String, Learnt)>,
    /// Where variables with reserved names were read.
    pub places: HashMap<String, Place>,
}

/// What happens to a host's facts.
#[derive(Debug, Clone)]
pub(crate) enum Facts {
    /// These were returned, with names as modules return them.
    Gathered(HostFacts),
    /// `meta: clear_facts`.
    Cleared,
}

impl Learnt {
    fn is_empty(&self) -> bool {
        self.facts.is_none() && self.set.is_empty() && self.included.is_empty()
    }

    /// All that was learnt is about another host.
    pub(crate) fn move_to(&mut self, host: &str) {
        let learnt = std::mem::take(self);
        if !learnt.is_empty() {
            self.elsewhere.push((host.to_owned(), learnt));
        }
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
        self.elsewhere.extend(later.elsewhere);
    }
}

/// Facts are seen as `ansible_facts.name`, without the prefix `ansible_`, and, injected, by the name
/// under which a module returned them, unless that would say how a host is reached.
fn visible(returned: &HostFacts) -> Layer {
    let seen = || returned.iter().filter(|(name, _)| !name.starts_with("_ansible_"));
    let all: IndexMap<Value, Value> = seen()
        .map(|(name, value)| {
            let short = match name.as_str() {
                "ansible_local" => name,
                name => name.strip_prefix("ansible_").unwrap_or(name),
            };
            (Value::from(short), value.clone())
        })
        .collect();
    let mut layer = Layer::new();
    let free = seen().filter(|(name, _)| !is_restricted(name));
    layer.extend(free.map(|(name, value)| (name.clone(), Var::Data(value.clone()))));
    layer.insert("ansible_facts".to_owned(), Var::Data(Value::from_object(all)));
    layer
}

/// Whether a fact may not be a variable: it would say how hosts are reached, or who is asked.
fn is_restricted(name: &str) -> bool {
    let interpreter = name.starts_with("ansible_") && name.ends_with("_interpreter");
    let of_plugin =
        ["local", "ssh", "paramiko_ssh", "psrp", "winrm", "become"].iter().any(|plugin| {
            name.strip_prefix("ansible_").is_some_and(|rest| {
                rest.strip_prefix(plugin).is_some_and(|rest| rest.starts_with('_'))
            })
        });
    let bridge = name.ends_with("_bridge") || name.ends_with("_gwbridge");
    let host_key = name.starts_with("ansible_ssh_host_key_");
    !host_key
        && (is_connection_variable(name)
            || interpreter
            || (of_plugin && !bridge)
            || matches!(
                name,
                "ansible_rsync_path"
                    | "ansible_playbook_python"
                    | "ansible_facts"
                    | "add_host"
                    | "add_group"
            ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_do_not_say_how_a_host_is_reached() {
        let names = [
            ("ansible_os_family", true),
            ("ansible_ssh_host_key_rsa_public", true),
            ("ansible_host", false),
            ("ansible_ssh_common_args", false),
            ("ansible_become_exe", false),
            ("ansible_python_interpreter", false),
            ("ansible_local", true),
            ("ansible_winrm_bridge", true),
        ];
        let facts: HostFacts =
            names.iter().map(|(name, _)| ((*name).to_owned(), Value::from(1))).collect();
        let layer = visible(&facts);
        for (name, free) in names {
            assert_eq!(layer.contains_key(name), free, "{name}");
        }
        let Some(Var::Data(inner)) = layer.get("ansible_facts") else { panic!() };
        assert!(inner.get_attr("host").is_ok_and(|value| value.is_integer()));
        assert!(inner.get_attr("ansible_local").is_ok_and(|value| value.is_integer()));
    }
}
