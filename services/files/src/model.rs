//! What a file may be, what stands for it, and how a photo is made safe.

use std::io::Cursor;

use hansa_proto::files::v1::FileRef;
use hansa_vault::sha256;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder};

/// Bytes of a file.
pub const SIZE_MAX: usize = 10 * 1024 * 1024;
/// Bytes of a part of it, in the database and on the wire.
pub const CHUNK_MAX: usize = 64 * 1024;
/// Bytes of a salt.
pub const SALT_LENGTH: usize = 16;
const NAME_MAX: usize = 120;
/// Pixels of a kept photo, wide or high.
const EDGE_MAX: u32 = 2_560;
/// Pixels of a photo that is read, wide or high.
const EDGE_READ_MAX: u32 = 16_384;
/// Bytes that a photo may take while it is read: 64 million pixels of three colours.
const DECODED_MAX: u64 = 192 * 1024 * 1024;
/// Of a kept photo, 1 to 100.
const QUALITY: u8 = 85;

const JPEG: &str = "image/jpeg";
const PNG: &str = "image/png";
const WEBP: &str = "image/webp";
const PDF: &str = "application/pdf";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const TEXTS: [&str; 3] = ["text/plain", "text/csv", "application/xml"];
/// Types of files that are kept.
const KEPT: [&str; 7] = [JPEG, PNG, PDF, XLSX, TEXTS[0], TEXTS[1], TEXTS[2]];

/// A file that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// Its name.
    #[error("1 to {NAME_MAX} characters, without a path")]
    Name,
    /// A type that nobody takes.
    #[error("one of {}, {WEBP}", KEPT.join(", "))]
    Type,
    /// It is not of the type that it is said to be.
    #[error("it is no {0}, or a damaged one")]
    Other(String),
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
}

impl BadFile {
    /// The field that is wrong.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Type => "media_type",
            Self::Other(_) | Self::Empty => "chunk",
        }
    }
}

/// A reference that stands for no file, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRef(&'static str);

/// Can this stand for a file.
///
/// # Errors
///
/// [`BadRef`], which says what is wrong.
pub fn check(file: &FileRef) -> Result<(), BadRef> {
    if file.hash.len() != 32 || file.salt.len() != SALT_LENGTH {
        return Err(BadRef(
            "a hash has 32 bytes, and its salt 16, as UploadFile answers them",
        ));
    }
    if !is_name(&file.name) || !KEPT.contains(&file.media_type.as_str()) {
        return Err(BadRef(
            "a file has a name without a path, and one of the types of FileRef",
        ));
    }
    if !usize::try_from(file.size).is_ok_and(|size| (1..=SIZE_MAX).contains(&size)) {
        return Err(BadRef("a file has 1 byte to 10 MiB"));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let plain = |one: char| !one.is_control() && one != '/' && one != '\\';
    (1..=NAME_MAX).contains(&name.chars().count())
        && name.chars().all(plain)
        && !name.trim_matches(['.', ' ']).is_empty()
}

/// What stands for these bytes.
#[must_use]
pub fn hash(salt: &[u8], bytes: &[u8]) -> [u8; 32] {
    sha256(&[b"hansa/file\0", salt, bytes])
}

/// A file as it is kept, and its type.
///
/// # Errors
///
/// [`BadFile`], which says what is wrong with it.
pub fn made_safe(name: &str, media_type: &str, bytes: Vec<u8>) -> Result<(Vec<u8>, &'static str), BadFile> {
    if !is_name(name) {
        return Err(BadFile::Name);
    }
    if bytes.is_empty() {
        return Err(BadFile::Empty);
    }
    let other = || BadFile::Other(media_type.to_owned());
    let format = match media_type {
        JPEG => Some(ImageFormat::Jpeg),
        PNG => Some(ImageFormat::Png),
        WEBP => Some(ImageFormat::WebP),
        _ => None,
    };
    if let Some(format) = format {
        return pixels(&bytes, format).map_err(|_| other());
    }
    let kept = KEPT.into_iter().find(|kept| *kept == media_type).ok_or(BadFile::Type)?;
    let fits = match kept {
        PDF => bytes.starts_with(b"%PDF-"),
        XLSX => bytes.starts_with(b"PK\x03\x04"),
        _ => std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0')),
    };
    if fits { Ok((bytes, kept)) } else { Err(other()) }
}

/// The same picture, the right way up, with nothing beside it.
fn pixels(bytes: &[u8], format: ImageFormat) -> Result<(Vec<u8>, &'static str), image::ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(EDGE_READ_MAX);
    limits.max_image_height = Some(EDGE_READ_MAX);
    limits.max_alloc = Some(DECODED_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let way_up = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    if picture.width().max(picture.height()) > EDGE_MAX {
        picture = picture.thumbnail(EDGE_MAX, EDGE_MAX);
    }
    picture.apply_orientation(way_up);
    let mut made = Cursor::new(Vec::new());
    if format == ImageFormat::Jpeg {
        JpegEncoder::new_with_quality(&mut made, QUALITY).encode_image(&picture.to_rgb8())?;
        return Ok((made.into_inner(), JPEG));
    }
    picture.to_rgba8().write_to(&mut made, ImageFormat::Png)?;
    Ok((made.into_inner(), PNG))
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn photo(wide: u32, high: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbImage::from_fn(wide, high, |x, _| {
            image::Rgb([if x < wide / 2 { 250 } else { 5 }, 0, 0])
        });
        picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    /// A photo with the place where it was taken in it, lying on its side: EXIF says "turn it right".
    fn phones(bytes: &[u8]) -> Vec<u8> {
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        exif.extend(b"60.3913N 5.3221E");
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&bytes[..2], b"\xff\xe1", &length, &exif, &bytes[2..]].concat()
    }

    fn holds(bytes: &[u8], word: &[u8]) -> bool {
        bytes.windows(word.len()).any(|window| window == word)
    }

    #[test]
    fn a_photo_keeps_its_pixels_the_right_way_up_and_nothing_else() {
        let phones = phones(&photo(40, 20));
        assert!(holds(&phones, b"60.3913N"));
        let (made, kind) = made_safe("box.jpg", JPEG, phones).unwrap();
        assert!(!holds(&made, b"60.3913N") && !holds(&made, b"Exif"));
        let picture = image::load_from_memory(&made).unwrap().to_rgb8();
        assert_eq!((kind, picture.dimensions()), (JPEG, (20, 40)));
        assert!(picture.get_pixel(10, 5)[0] > 200 && picture.get_pixel(10, 35)[0] < 50);
    }

    #[test]
    fn a_large_photo_is_made_smaller_and_a_small_one_keeps_its_size() {
        for (asked, kept) in [((4_000, 1_000), (2_560, 640)), ((640, 480), (640, 480))] {
            let (made, _) = made_safe("a.jpg", JPEG, photo(asked.0, asked.1)).unwrap();
            let picture = image::load_from_memory(&made).unwrap();
            assert_eq!((picture.width(), picture.height()), kept);
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_takes_its_room() {
        // The head of a PNG that says it is 60,000 pixels wide and high.
        let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        head.extend([60_000_u32.to_be_bytes(), 60_000_u32.to_be_bytes()].concat());
        head.extend(b"\x08\x06\0\0\0\xff\xff\xff\xff");
        assert_eq!(made_safe("a.png", PNG, head), Err(BadFile::Other(PNG.to_owned())));
    }

    #[test]
    fn a_file_is_what_it_is_said_to_be_or_is_refused() {
        let taken: [(&str, &[u8]); 4] = [
            (PDF, b"%PDF-1.7 \0\xff"),
            (XLSX, b"PK\x03\x04rest"),
            ("text/csv", "sku;Menge\nTE-1;3 Stück".as_bytes()),
            ("application/xml", b"<a/>"),
        ];
        for (kind, bytes) in taken {
            assert_eq!(made_safe("a", kind, bytes.to_vec()), Ok((bytes.to_vec(), kind)));
            let (other, wrong) = (BadFile::Other(kind.to_owned()), b"\0\xff".to_vec());
            assert_eq!(made_safe("a", kind, wrong), Err(other));
        }
        for kind in ["image/svg+xml", "text/html", "application/zip", ""] {
            assert_eq!(made_safe("a", kind, b"<svg/>".to_vec()), Err(BadFile::Type), "{kind}");
        }
        for kind in [JPEG, PNG, WEBP] {
            let other = BadFile::Other(kind.to_owned());
            assert_eq!(made_safe("a", kind, b"%PDF-".to_vec()), Err(other));
        }
        for name in ["", "../a", "a\\b", "..", "a\nb", &"x".repeat(121)] {
            assert_eq!(made_safe(name, PDF, b"%PDF-".to_vec()), Err(BadFile::Name), "{name:?}");
        }
        assert_eq!(made_safe("a", PDF, Vec::new()), Err(BadFile::Empty));
    }
}
