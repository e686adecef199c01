//! The node's master key: wraps every key that lies in a database, and never lies in one.

use std::{fmt, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey},
    hkdf,
};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::{Error, random};

/// What can wrap keys: a file today, a hardware module tomorrow.
pub trait KeyStore: Send + Sync + 'static {
    /// Seals key bytes; `purpose` must be given again to open them.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when the cipher fails.
    fn wrap(&self, purpose: &str, clear: &[u8]) -> Result<String, Error>;

    /// Opens what [`KeyStore::wrap`] made.
    ///
    /// # Errors
    ///
    /// [`Error::Unwrap`] for another key, another purpose, or changed bytes.
    fn unwrap(&self, purpose: &str, wrapped: &str) -> Result<Zeroizing<Vec<u8>>, Error>;

    /// A secret of its own for each label, the same on every start.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when the derivation fails.
    fn derive(&self, label: &str) -> Result<[u8; 32], Error>;
}

/// A master key from a file (mode 0600) or the environment.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// This very key.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads 64 hex digits.
    ///
    /// # Errors
    ///
    /// [`Error::MasterFile`] when the text is something else.
    pub fn from_text(text: &str, place: &str) -> Result<Self, Error> {
        let wrong = || Error::MasterFile {
            path: place.to_owned(),
            text: "must hold 64 hex digits and nothing else".to_owned(),
        };
        let bytes = data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.trim().as_bytes())
            .map_err(|_| wrong())?;
        Ok(Self::from_bytes(bytes.try_into().map_err(|_| wrong())?))
    }

    /// Reads the file, or makes it with a new key when it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::MasterFile`] when it can't be read or made, or others may read it.
    pub fn load_or_create(path: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::PermissionsExt as _;
        let trouble = |text: String| Error::MasterFile {
            path: path.display().to_string(),
            text,
        };
        match fs::metadata(path) {
            Ok(meta) if meta.permissions().mode() & 0o077 != 0 => Err(trouble(
                "others may read it: chmod 600, and think about who has".to_owned(),
            )),
            Ok(_) => {
                let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| trouble(error.to_string()))?);
                Self::from_text(&text, &path.display().to_string())
            }
            Err(_) => {
                let key = Self::from_bytes(random()?);
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
                    .map_err(|error| trouble(error.to_string()))?;
                let text = Zeroizing::new(data_encoding::HEXLOWER.encode(&*key.0));
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(|error| trouble(error.to_string()))?;
                Ok(key)
            }
        }
    }

    fn key_for(&self, purpose: &str) -> Result<RandomizedNonceKey, Error> {
        RandomizedNonceKey::new(&AES_256_GCM_SIV, &self.derive(&format!("wrap/{purpose}"))?).map_err(|_| Error::Library)
    }
}

impl KeyStore for MasterKey {
    fn wrap(&self, purpose: &str, clear: &[u8]) -> Result<String, Error> {
        let mut sealed = clear.to_vec();
        let nonce = self
            .key_for(purpose)?
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut sealed)
            .map_err(|_| Error::Library)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(BASE64URL_NOPAD.encode(&bytes))
    }

    fn unwrap(&self, purpose: &str, wrapped: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = Zeroizing::new(BASE64URL_NOPAD.decode(wrapped.as_bytes()).map_err(|_| Error::Unwrap)?);
        let nonce =
            Nonce::try_assume_unique_for_key(bytes.get(..12).ok_or(Error::Unwrap)?).map_err(|_| Error::Unwrap)?;
        let clear = self
            .key_for(purpose)?
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut bytes[12..])
            .map_err(|_| Error::Unwrap)?;
        Ok(Zeroizing::new(clear.to_vec()))
    }

    fn derive(&self, label: &str) -> Result<[u8; 32], Error> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"hansa/v1/master").extract(&*self.0);
        let info = [label.as_bytes()];
        let okm = prk.expand(&info, hkdf::HKDF_SHA256).map_err(|_| Error::Library)?;
        let mut bytes = [0; 32];
        okm.fill(&mut bytes).map_err(|_| Error::Library)?;
        Ok(bytes)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrapped_opens_with_the_same_key_and_purpose_only() {
        let key = MasterKey::from_bytes([1; 32]);
        let wrapped = key.wrap("root", b"seed").unwrap();
        assert_eq!(&*key.unwrap("root", &wrapped).unwrap(), b"seed");
        assert!(matches!(key.unwrap("signing", &wrapped), Err(Error::Unwrap)));
        assert!(matches!(
            MasterKey::from_bytes([2; 32]).unwrap("root", &wrapped),
            Err(Error::Unwrap)
        ));
        assert!(matches!(key.unwrap("root", &wrapped[1..]), Err(Error::Unwrap)));
        assert!(matches!(key.unwrap("root", "short"), Err(Error::Unwrap)));
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("hansa-master-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("master");
        let made = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(
            made.derive("x").unwrap(),
            MasterKey::load_or_create(&path).unwrap().derive("x").unwrap()
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            MasterKey::load_or_create(&path),
            Err(Error::MasterFile { .. })
        ));
        fs::remove_dir_all(&folder).unwrap();
    }
}
