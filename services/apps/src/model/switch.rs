//! Who may call a system now: one that hangs holds up its own callers alone, and one that is down is left in peace.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use time::{Duration, OffsetDateTime};

/// Calls of one system at one time, and of them those for one enterprise.
const TOGETHER_MAX: usize = 16;
const EACH_MAX: usize = 8;
/// So many troubles in a row, and it is not called for a while; then once, to see.
const TROUBLES_MAX: u32 = 5;
const REST: Duration = Duration::seconds(30);

/// The lines to systems, by what names one.
#[derive(Debug)]
pub struct Switch<K>(Mutex<HashMap<K, Line>>);

impl<K> Default for Switch<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Debug, Default)]
struct Line {
    /// Calls under way, by whom.
    callers: HashMap<String, usize>,
    troubles: u32,
    /// It is not called before.
    rests_until: Option<OffsetDateTime>,
}

/// Why it is not called now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// So many calls as there may be are under way.
    Full,
    /// It was in trouble: it is called again then.
    Rests(OffsetDateTime),
}

/// A call under way; it is over when this is dropped.
#[derive(Debug)]
pub struct Call<K: Eq + Hash> {
    switch: Arc<Switch<K>>,
    key: K,
    caller: String,
}

impl<K: Clone + Eq + Hash> Switch<K> {
    /// May it be called now, for this enterprise.
    pub fn enter(self: &Arc<Self>, key: &K, caller: &str, now: OffsetDateTime) -> Result<Call<K>, Busy> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(key.clone()).or_default();
        if let Some(until) = line.rests_until {
            if now < until {
                return Err(Busy::Rests(until));
            }
            // This one looks whether it is well again; the others wait for it.
            line.rests_until = Some(now + REST);
        }
        let theirs = line.callers.get(caller).copied().unwrap_or(0);
        if line.callers.values().sum::<usize>() >= TOGETHER_MAX || theirs >= EACH_MAX {
            return Err(Busy::Full);
        }
        *line.callers.entry(caller.to_owned()).or_default() += 1;
        Ok(Call {
            switch: self.clone(),
            key: key.clone(),
            caller: caller.to_owned(),
        })
    }
}

impl<K: Clone + Eq + Hash> Switch<K> {
    /// Those that can take no more for one enterprise, or are left in peace.
    pub fn busy(&self, now: OffsetDateTime) -> Vec<K> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = lines.iter().filter(|(_, line)| {
            let rests = line.rests_until.is_some_and(|until| now < until);
            rests || line.callers.values().sum::<usize>() >= EACH_MAX
        });
        busy.map(|(key, _)| key.clone()).collect()
    }
}

impl<K: Eq + Hash> Call<K> {
    /// How it went: did the system answer as it should.
    pub fn went(self, well: bool, now: OffsetDateTime) {
        let mut lines = self.switch.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = lines.get_mut(&self.key) else { return };
        if well {
            (line.troubles, line.rests_until) = (0, None);
            return;
        }
        line.troubles += 1;
        if line.troubles >= TROUBLES_MAX {
            line.rests_until = Some(now + REST);
        }
    }
}

impl<K: Eq + Hash> Drop for Call<K> {
    fn drop(&mut self) {
        let mut lines = self.switch.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = lines.get_mut(&self.key) else { return };
        if let Some(count) = line.callers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                line.callers.remove(&self.caller);
            }
        }
        if line.callers.is_empty() && line.troubles == 0 {
            lines.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn a_system_in_trouble_is_left_in_peace_and_then_asked_once() {
        let switch: Arc<Switch<&str>> = Arc::default();
        for _ in 0..TROUBLES_MAX {
            switch.enter(&"crm", "A", START).unwrap().went(false, START);
        }
        assert_eq!(switch.enter(&"crm", "A", START).unwrap_err(), Busy::Rests(START + REST));
        assert!(switch.enter(&"erp", "A", START).is_ok(), "another system is well");
        assert_eq!((switch.busy(START), switch.busy(START + REST)), (vec!["crm"], vec![]));
        let later = START + REST;
        let probe = switch.enter(&"crm", "A", later).unwrap();
        assert_eq!(switch.enter(&"crm", "B", later).unwrap_err(), Busy::Rests(later + REST));
        probe.went(false, later);
        assert_eq!(switch.enter(&"crm", "A", later).unwrap_err(), Busy::Rests(later + REST));
        switch
            .enter(&"crm", "A", later + REST)
            .unwrap()
            .went(true, later + REST);
        assert!(switch.enter(&"crm", "A", later + REST).is_ok());
    }

    #[test]
    fn one_caller_does_not_take_all_places_and_all_together_no_more_than_there_are() {
        let switch: Arc<Switch<&str>> = Arc::default();
        let mut calls: Vec<_> = (0..EACH_MAX)
            .map(|_| switch.enter(&"crm", "A", START).unwrap())
            .collect();
        assert_eq!(switch.enter(&"crm", "A", START).unwrap_err(), Busy::Full);
        assert_eq!(switch.busy(START), ["crm"]);
        calls.extend((0..TOGETHER_MAX - EACH_MAX).map(|_| switch.enter(&"crm", "B", START).unwrap()));
        assert_eq!(switch.enter(&"crm", "C", START).unwrap_err(), Busy::Full);
        calls.pop();
        assert!(switch.enter(&"crm", "C", START).is_ok());
        calls.clear();
        assert!(
            switch.0.lock().unwrap().is_empty(),
            "nothing is kept of systems that are well"
        );
    }
}
