//! What an app's views show to people of ours.

use std::collections::BTreeMap;

use hansa_directory::Session;
use hansa_documents::{Kind, Look, Shown as Field};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{Apps, Read, our_role};
use crate::{
    Error,
    model::view::{STATE, Shape, TIMES, View, called},
    store,
};

/// Which view, of whose app, for whom.
#[derive(Debug)]
pub(crate) struct Asked {
    pub publisher: String,
    pub app: String,
    pub view: String,
    /// BCP 47; empty = en.
    pub language: String,
    pub page: String,
    pub page_size: u32,
    /// With a detail.
    pub document: Option<Uuid>,
}

/// What it shows: a table, or the sections of a document.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub title: String,
    pub columns: Vec<String>,
    /// With the document that a row stands for, in a list.
    pub rows: Vec<(Option<Uuid>, Vec<String>)>,
    pub next: String,
    /// What each is called, and its fields.
    pub sections: Vec<(String, Vec<Field>)>,
}

/// To the second, as versions say it.
fn instant(at: OffsetDateTime) -> String {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

impl Apps {
    /// The app as somebody of ours uses it: ours, or one that we have accepted and they may use.
    async fn usable(&self, session: &Session, publisher: &str, app: &str) -> Result<Read, Error> {
        let mut tx = self.tenancy.begin("apps.usable", session).await?;
        let us = self.us(&mut tx).await?;
        let hidden = || Error::NotFound("app");
        if publisher.is_empty() || publisher == us {
            let row = store::version(&mut tx, &us, app, None).await?;
            return self.read(&mut tx, row.ok_or_else(hidden)?, &us).await;
        }
        let shares = store::shares_by(&mut tx, publisher, app).await?;
        let share = shares.iter().find(|share| share.version > 0).ok_or_else(hidden)?;
        if self.closed_to(&mut tx, share, session).await?.is_some() {
            return Err(hidden());
        }
        let version = share.version;
        let row = store::version(&mut tx, publisher, app, Some(version)).await?;
        self.read(&mut tx, row.ok_or_else(hidden)?, &us).await
    }

    /// What a view shows.
    pub(crate) async fn show_view(&self, session: &Session, asked: &Asked) -> Result<Seen, Error> {
        let app = self.usable(session, &asked.publisher, &asked.app).await?;
        let view = app.manifest.views.get(&asked.view);
        let view = view.filter(|view| view.is_for(&our_role(&app)));
        let view = view.ok_or(Error::NotFound("view"))?;
        let language = if asked.language.is_empty() {
            "en"
        } else {
            &asked.language
        };
        let kind = app.manifest.kind(&app.row.publisher);
        let seen = match view.is {
            Shape::List => self.as_list(session, (&kind, view), language, asked).await?,
            Shape::Detail => self.as_detail(session, (&kind, view), language, asked.document).await?,
            Shape::Board => self.as_board(session, (&kind, view), language).await?,
            Shape::Chart => self.as_chart(session, (&kind, view), language).await?,
        };
        let title = view.title.get(language).or_else(|| view.title.get("en"));
        Ok(Seen {
            title: title.cloned().unwrap_or_default(),
            ..seen
        })
    }

    async fn as_list(
        &self,
        session: &Session,
        (kind, view): (&Kind, &View),
        language: &str,
        asked: &Asked,
    ) -> Result<Seen, Error> {
        let look = Look {
            kind: &kind.name,
            states: &view.states,
            overdue: view.overdue,
            longest: view.longest,
            page: &asked.page,
        };
        let (documents, next) = self.documents.listed_of(session, &look, asked.page_size).await?;
        let rows = documents.into_iter().map(|one| {
            let cell = |column: &String| match column.as_str() {
                "number" => one.number.clone(),
                STATE => kind.word(language, &one.state).into_owned(),
                "since" => instant(one.since),
                "due" => one.due_at.map(instant).unwrap_or_default(),
                "with" => one.with.join(", "),
                field => {
                    let fact = one.facts.iter().find(|(name, _)| name == field);
                    fact.map(|(_, value)| value.clone()).unwrap_or_default()
                }
            };
            (Some(one.id), view.columns.iter().map(cell).collect())
        });
        let rows = rows.collect();
        Ok(Seen {
            columns: view.columns.iter().map(|name| heading(kind, name, language)).collect(),
            rows,
            next,
            ..Seen::default()
        })
    }

    async fn as_detail(
        &self,
        session: &Session,
        (kind, view): (&Kind, &View),
        language: &str,
        document: Option<Uuid>,
    ) -> Result<Seen, Error> {
        let id = document.ok_or_else(|| Error::Invalid {
            field: "document_id",
            text: "a detail is of one document".to_owned(),
        })?;
        let told = self.documents.told(session, id, language).await?;
        if told.kind != kind.name {
            return Err(Error::NotFound("document"));
        }
        let mut said: BTreeMap<_, _> = told.sections.into_iter().collect();
        let names = match view.sections.is_empty() {
            true => said.keys().cloned().collect(),
            false => view.sections.clone(),
        };
        let sections = names.into_iter().filter_map(|name| {
            let fields = said.remove(&name)?;
            Some((kind.word(language, &name).into_owned(), fields))
        });
        let sections = sections.collect();
        Ok(Seen {
            columns: ["number", STATE]
                .iter()
                .map(|name| heading(kind, name, language))
                .collect(),
            rows: vec![(
                Some(id),
                vec![told.number, kind.word(language, &told.state).into_owned()],
            )],
            sections,
            ..Seen::default()
        })
    }

    async fn as_board(&self, session: &Session, (kind, view): (&Kind, &View), language: &str) -> Result<Seen, Error> {
        let cells = self.documents.board_of(session, (&kind.name, &view.by)).await?;
        let states: Vec<_> = match view.states.is_empty() {
            true => kind.states.keys().cloned().collect(),
            false => view.states.clone(),
        };
        let mut rows: BTreeMap<String, (Vec<i64>, i64)> = BTreeMap::new();
        for (value, state, documents, overdue) in cells {
            // What is in a state of an earlier version stands in no column.
            let Some(place) = states.iter().position(|one| *one == state) else {
                continue;
            };
            let row = rows.entry(value).or_insert_with(|| (vec![0; states.len()], 0));
            row.0[place] += documents;
            row.1 += overdue;
        }
        let named = match view.by.as_str() {
            "" => String::new(),
            by => heading(kind, by, language),
        };
        let words = states.iter().map(|state| kind.word(language, state).into_owned());
        let columns = [named].into_iter().chain(words);
        let rows = rows.into_iter().map(|(value, (counts, overdue))| {
            let counts = counts.into_iter().chain([overdue]).map(|many| many.to_string());
            (None, [value].into_iter().chain(counts).collect())
        });
        Ok(Seen {
            columns: columns.chain([called("overdue", language).to_owned()]).collect(),
            rows: rows.collect(),
            ..Seen::default()
        })
    }

    async fn as_chart(&self, session: &Session, (kind, view): (&Kind, &View), language: &str) -> Result<Seen, Error> {
        let of = (&*kind.name, &*view.states);
        let sum = Some(&*view.sum).filter(|field| !field.is_empty());
        let measure = sum.unwrap_or("count");
        let bars = match view.by.as_str() {
            unit if TIMES.contains(&unit) => {
                let bars = self.documents.counted_over(session, of, unit).await?.into_iter();
                bars.map(|(from, many)| (from.to_string(), many.to_string())).collect()
            }
            STATE => {
                let bars = self.documents.counted_by(session, of, (None, sum)).await?.into_iter();
                bars.map(|(state, many)| (kind.word(language, &state).into_owned(), many))
                    .collect()
            }
            field => self.documents.counted_by(session, of, (Some(field), sum)).await?,
        };
        Ok(Seen {
            columns: vec![heading(kind, &view.by, language), heading(kind, measure, language)],
            rows: bars
                .into_iter()
                .map(|(label, many)| (None, vec![label, many]))
                .collect(),
            ..Seen::default()
        })
    }
}

/// What a column is called: by the form that has the field, or by a word of ours.
fn heading(kind: &Kind, name: &str, language: &str) -> String {
    match kind.listed().any(|field| field == name) {
        true => kind.field_title(name, language),
        false => called(name, language).to_owned(),
    }
}
