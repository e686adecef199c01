//! What the operator of the node says of apps: it blocks them for every enterprise here, or says that somebody has looked at them.

use std::sync::{Arc, Mutex, PoisonError};

use hansa_tenancy::Tenancy;

use crate::{
    Error,
    model::review::{Review, Subject, holding},
    store::{VersionRow, reviews},
};

const TOPIC: &str = "app_review";
const NOTE_MAX: usize = 400;
/// Kept at one time.
const REVIEWS_MAX: usize = 10_000;

/// What was read, and which version of it.
type Kept = Option<(i64, Arc<Vec<Review>>)>;

/// What the operator of this node says of apps. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reviews {
    tenancy: Tenancy,
    kept: Arc<Mutex<Kept>>,
}

impl Reviews {
    /// Those of this node.
    #[must_use]
    pub fn new(tenancy: Tenancy) -> Self {
        Self {
            tenancy,
            kept: Arc::default(),
        }
    }

    /// All that is said.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn list(&self) -> Result<Arc<Vec<Review>>, Error> {
        let version = *self.tenancy.changes(TOPIC).borrow();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, all)) = kept.filter(|(of, _)| *of == version) {
            return Ok(all);
        }
        let all = Arc::new(reviews::all(self.tenancy.control()).await?);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, all.clone()));
        Ok(all)
    }

    /// Says it, instead of what was said of the same before.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a note of more than 400 characters, and beyond 10,000 of them.
    pub async fn say(&self, review: &Review) -> Result<(), Error> {
        if review.note.chars().count() > NOTE_MAX {
            return Err(Error::Invalid {
                field: "note",
                text: format!("at most {NOTE_MAX} characters"),
            });
        }
        // What is read is all that there is: nothing that was blocked falls behind the limit.
        let all = reviews::all(self.tenancy.control()).await?;
        if all.len() >= REVIEWS_MAX && !all.iter().any(|one| one.of == review.of) {
            return Err(Error::Invalid {
                field: "of",
                text: format!("at most {REVIEWS_MAX} are kept: clear others first"),
            });
        }
        reviews::put(self.tenancy.control(), review).await?;
        Ok(self.tenancy.change(TOPIC).await?)
    }

    /// Says nothing of it any more.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when nothing was said.
    pub async fn take_back(&self, of: &Subject) -> Result<(), Error> {
        if !reviews::remove(self.tenancy.control(), of).await? {
            return Err(Error::NotFound("review"));
        }
        Ok(self.tenancy.change(TOPIC).await?)
    }

    /// What holds for a version of an app.
    pub(super) async fn of(&self, (publisher, app): (&str, &str), version: i32) -> Result<Option<Review>, Error> {
        let all = self.list().await?;
        Ok(holding(&all, (publisher, app), version).cloned())
    }

    /// The version is not blocked.
    pub(super) async fn open(&self, (publisher, app): (&str, &str), version: i32) -> Result<(), Error> {
        match self.of((publisher, app), version).await? {
            Some(review) if review.blocked => Err(Error::Closed {
                rule: BLOCKED,
                text: blocked(&review),
            }),
            _ => Ok(()),
        }
    }

    /// What holds for each of these.
    pub(super) async fn of_all(&self, rows: &[VersionRow]) -> Result<Vec<Option<Review>>, Error> {
        let all = self.list().await?;
        let of = |row: &VersionRow| holding(&all, (row.publisher.as_str(), row.app.as_str()), row.version).cloned();
        Ok(rows.iter().map(of).collect())
    }
}

/// The rule that says no.
pub(super) const BLOCKED: &str = "APP_BLOCKED";

/// Why, and who can change it.
pub(super) fn blocked(review: &Review) -> String {
    let why = if review.note.is_empty() {
        String::new()
    } else {
        format!(": {}", review.note)
    };
    format!("the operator of this node has blocked the app{why}; nobody else can open it again")
}
