//! What a kind says of answers that come by themselves. Without IO.

use super::{
    Kind,
    kind::{Holds, StateKind},
};

impl StateKind {
    /// What answers by itself is an act of whoever it waits for alone, from here, that writes nothing but the answers.
    ///
    /// # Errors
    ///
    /// What does not fit.
    pub fn check_accepts(&self, name: &str, kind: &Kind) -> Result<(), String> {
        let Some(accepts) = &self.accepts else { return Ok(()) };
        let act = kind
            .acts
            .get(accepts)
            .ok_or_else(|| format!("{name}: there is no act {accepts}"))?;
        let theirs = self.waits_for.as_ref().is_some_and(|role| act.by.contains(role));
        let answers = kind
            .section(Holds::Answers)
            .is_some_and(|section| act.writes == [section]);
        let here = act.from.iter().any(|from| from == name) && act.agreed_by.is_empty();
        match theirs && answers && here && self.terms.is_some() {
            true => Ok(()),
            false => Err(format!(
                "{name}: what accepts by itself goes by agreed prices (terms), and is an act of whoever it waits for alone, from here, that \
                 writes nothing but answers"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn order(change: impl FnOnce(&mut Value)) -> Result<Kind, String> {
        let mut kind: Value = serde_json::from_str(include_str!("../../kinds/order.json")).unwrap();
        change(&mut kind);
        Kind::read(&kind.to_string()).map_err(|bad| bad.0)
    }

    #[test]
    fn what_accepts_by_itself_is_an_answer_of_whoever_it_waits_for() {
        assert!(order(|_| {}).unwrap().states["issued"].accepts.is_some());
        let changes: [fn(&mut Value); 6] = [
            |kind| kind["states"]["issued"]["accepts"] = json!("nothing"),
            |kind| kind["states"]["issued"]["accepts"] = json!("acknowledge"),
            |kind| kind["states"]["issued"]["accepts"] = json!("cancel"),
            |kind| kind["states"]["answered"]["accepts"] = json!("answer"),
            |kind| kind["acts"]["answer"]["from"] = json!(["acknowledged"]),
            |kind| drop(kind["states"]["issued"].as_object_mut().unwrap().remove("terms")),
        ];
        for (place, change) in changes.into_iter().enumerate() {
            assert!(order(change).is_err(), "{place}");
        }
    }
}
