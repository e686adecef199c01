//! What other rooms show of documents of a kind: lists, figures, and what one of them says.

use hansa_directory::Session;
use hansa_proto::documents::v1::content::Body;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Documents, Place};
use crate::{
    Error,
    model::{Kind, form},
    store::{self, Filter},
};

/// Bars of a chart.
const BARS_MAX: i64 = 60;

/// Which documents are looked at.
#[derive(Clone, Debug, Default)]
pub struct Look<'a> {
    /// Of this kind.
    pub kind: &'a str,
    /// In one of these states; all when there are none.
    pub states: &'a [String],
    /// Only what is overdue.
    pub overdue: bool,
    /// First what has been in its state for longest.
    pub longest: bool,
    /// Where a page begins, as the one before has said it; empty = the first one.
    pub page: &'a str,
}

/// A document in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// The issuer's number.
    pub number: String,
    /// The state it is in.
    pub state: String,
    /// Since when.
    pub since: OffsetDateTime,
    /// When somebody should have acted.
    pub due_at: Option<OffsetDateTime>,
    /// What the others are called.
    pub with: Vec<String>,
    /// What its fields say that are marked for lists.
    pub facts: Vec<(String, String)>,
}

/// A document, for whoever reads it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its kind.
    pub kind: String,
    /// The issuer's number.
    pub number: String,
    /// The state it is in.
    pub state: String,
    /// By the name of the section: the fields that are filled in, those that we see.
    pub sections: Vec<(String, Vec<form::Shown>)>,
}

impl Documents {
    /// A page of documents, and where the next one begins; empty = there are no more.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the page is none.
    pub async fn listed_of(
        &self,
        session: &Session,
        look: &Look<'_>,
        limit: u32,
    ) -> Result<(Vec<Listed>, String), Error> {
        let filter = Filter {
            kind: look.kind.to_owned(),
            states: look.states.to_vec(),
            overdue: look.overdue,
            ..Filter::default()
        };
        let place = Place::read(look.longest, look.page).ok_or_else(|| Error::Invalid {
            field: "page",
            text: "the nextPage of an answer to the same question".to_owned(),
        })?;
        let size = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut all = self.list(session, filter, false, place, i64::from(limit) + 1).await?;
        let more = all.len() > size;
        all.truncate(size);
        let next = all.last().filter(|_| more).map(|last| place.next(&last.row));
        let listed = all.into_iter().map(|whole| {
            let others = whole
                .parties
                .into_iter()
                .filter(|party| party.role != whole.row.our_role);
            Listed {
                with: others.map(|party| party.name).collect(),
                id: whole.row.id,
                number: whole.row.number,
                state: whole.row.state,
                since: whole.row.since,
                due_at: whole.row.due_at,
                facts: whole.facts,
            }
        });
        Ok((listed.collect(), next.unwrap_or_default()))
    }

    /// How many documents there are by what a marked field says, or by state; or what the numbers in another field come to. The most first.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn counted_by(
        &self,
        session: &Session,
        (kind, states): (&str, &[String]),
        measured: (Option<&str>, Option<&str>),
    ) -> Result<Vec<(String, String)>, Error> {
        let mut tx = self.tenancy.begin("documents.counted_by", session).await?;
        store::counts(&mut tx, (kind, states), measured, BARS_MAX).await
    }

    /// How many documents came into these states in each day, week or month, the newest first: by the day with which it began, UTC.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn counted_over(
        &self,
        session: &Session,
        (kind, states): (&str, &[String]),
        unit: &str,
    ) -> Result<Vec<(time::Date, i64)>, Error> {
        let mut tx = self.tenancy.begin("documents.counted_over", session).await?;
        store::counts_over(&mut tx, (kind, states), unit, BARS_MAX).await
    }

    /// How many documents are in which of these states, by what a marked field says: (value, state, documents, overdue).
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn board_of(
        &self,
        session: &Session,
        (kind, by): (&str, &str),
    ) -> Result<Vec<(String, String, i64, i64)>, Error> {
        let rows = self.board(session, kind, by).await?.into_iter();
        Ok(rows
            .map(|row| (row.value, row.state, row.documents, row.overdue))
            .collect())
    }

    /// What a document says in the forms that we see, in a language.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn told(&self, session: &Session, id: Uuid, language: &str) -> Result<Told, Error> {
        let whole = self.get(session, id).await?;
        let sections = whole.contents.iter().filter_map(|(name, content)| {
            let schema = whole.kind.sections.get(name)?.schema.as_ref()?;
            let Some(Body::Form(form)) = &content.body else {
                return None;
            };
            Some((name.clone(), form::shown(schema, form, language)))
        });
        Ok(Told {
            sections: sections.collect(),
            kind: whole.row.kind,
            number: whole.row.number,
            state: whole.row.state,
        })
    }
}

impl Kind {
    /// What a field of one of its forms is called.
    #[must_use]
    pub fn field_title(&self, name: &str, language: &str) -> String {
        let schemas = self.sections.values().filter_map(|section| section.schema.as_ref());
        let mut fields = schemas.filter_map(|schema| schema["properties"].get(name));
        let field = fields.next();
        field.map_or_else(|| name.replace('_', " "), |field| form::title(name, field, language))
    }
}
