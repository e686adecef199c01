//! SQL of what documents say, sealed: it opens at its own place only.

use hansa_proto::documents::v1::SectionText;
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use uuid::Uuid;

use crate::Error;

/// A text as it lies in the database.
#[derive(Debug)]
pub struct TextRow {
    pub section: String,
    pub version: i64,
    pub salt: Vec<u8>,
    pub content: Vec<u8>,
}

impl TextRow {
    /// What it says.
    ///
    /// # Errors
    ///
    /// [`Error::Vault`] when it is not what was sealed there.
    pub fn open(self, seal: &Seal, document: Uuid) -> Result<SectionText, Error> {
        let clear = seal.open(&place(document, &self.section, self.version), &self.content)?;
        Ok(SectionText {
            content: clear.to_vec().into(),
            salt: self.salt.into(),
            name: self.section,
        })
    }
}

fn place(document: Uuid, section: &str, version: i64) -> Vec<u8> {
    [
        b"document-text\0",
        &document.as_bytes()[..],
        &version.to_be_bytes(),
        section.as_bytes(),
    ]
    .concat()
}

/// Keeps what a version wrote.
pub(super) async fn put(
    seal: &Seal,
    tx: &mut TenantTx,
    (document, version): (Uuid, i64),
    texts: &[SectionText],
) -> Result<(), Error> {
    for text in texts {
        sqlx::query!(
            "insert into document_text (document_id, section, version, salt, content) values ($1, $2, $3, $4, $5)",
            document,
            text.name,
            version,
            &*text.salt,
            seal.close(&place(document, &text.name, version), &text.content)?,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// Keeps which files a version names: (section, hash in hex).
pub(super) async fn put_files(tx: &mut TenantTx, document: Uuid, files: &[(String, String)]) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    let (sections, hashes): (Vec<_>, Vec<_>) = files.iter().cloned().unzip();
    sqlx::query!(
        "insert into document_file (document_id, section, hash)
         select $1, u.section, u.hash from unnest($2::varchar[], $3::varchar[]) as u (section, hash) on conflict do nothing",
        document,
        &sections,
        &hashes,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The newest text of each section that we see.
pub async fn texts(seal: &Seal, tx: &mut TenantTx, id: Uuid) -> Result<Vec<SectionText>, Error> {
    let rows = sqlx::query_as!(
        TextRow,
        "select distinct on (section) section, version, salt, content from document_text
         where document_id = $1 order by section, version desc",
        id,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.open(seal, id)).collect()
}

/// All texts that one version wrote, as far as we see them, sealed.
pub async fn sealed_of(tx: &mut TenantTx, id: Uuid, version: i64) -> Result<Vec<TextRow>, Error> {
    Ok(sqlx::query_as!(
        TextRow,
        "select section, version, salt, content from document_text
         where document_id = $1 and version = $2 order by section",
        id,
        version,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// All texts that one version wrote, as far as we see them.
pub async fn texts_of(seal: &Seal, tx: &mut TenantTx, id: Uuid, version: i64) -> Result<Vec<SectionText>, Error> {
    let rows = sealed_of(tx, id, version).await?;
    rows.into_iter().map(|row| row.open(seal, id)).collect()
}

/// Sections that name a file in any version.
pub async fn sections_with(tx: &mut TenantTx, document: Uuid, hash: &str) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select section from document_file where document_id = $1 and hash = $2 order by section",
        document,
        hash,
    )
    .fetch_all(tx.conn())
    .await?)
}
