//! The page itself, as npm has built it, with what a browser must know to keep it safe.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use data_encoding::BASE64;
use hansa_vault::random;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use rust_embed::{Embed, EmbeddedFile};

/// What stands in the page where the nonce of an answer goes.
const NONCE: &str = "__NONCE__";
/// Places below which WebAssembly may run: the decoder of the camera's pictures.
const SCAN: &str = "scan";

#[derive(Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Built;

/// A file of the page, or the page itself for each of its own places.
pub async fn show(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().strip_prefix("/console/").unwrap_or_default();
    if let Some(file) = Built::get(path).filter(|_| path != "index.html") {
        let wanted = headers
            .get(header::ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let takes = wanted.split(',').any(|one| one.trim().split(';').next() == Some("br"));
        let packed = takes.then(|| Built::get(&format!("{path}.br"))).flatten();
        return asset(path, file, packed, &headers);
    }
    // A file that is not there is not a place of the page.
    if path.starts_with("assets/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match Built::get("index.html") {
        Some(file) => page(path, &file).unwrap_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        None => {
            let text = "This program was built without the console: run `make console`, then build it again.\n";
            (StatusCode::NOT_FOUND, text).into_response()
        }
    }
}

fn asset(path: &str, file: EmbeddedFile, packed: Option<EmbeddedFile>, headers: &HeaderMap) -> Response {
    let kind = match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "json" => "application/json",
        _ => "application/octet-stream",
    };
    // The name of an asset holds a hash of what is in it.
    let age = match path.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let hashed = data_encoding::HEXLOWER.encode(&file.metadata.sha256_hash()[..16]);
    let tag = format!("\"{hashed}\"");
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let is_packed = packed.is_some() && !known;
    let (code, body) = match known {
        true => (StatusCode::NOT_MODIFIED, Body::empty()),
        false => (StatusCode::OK, Body::from(packed.unwrap_or(file).data.into_owned())),
    };
    let mut answer = (code, body).into_response();
    let said = answer.headers_mut();
    said.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        said.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    said.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    said.insert(header::CACHE_CONTROL, HeaderValue::from_static(age));
    said.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        said.insert(header::ETAG, tag);
    }
    answer
}

/// The page with a nonce of its own for the styles that its library writes.
fn page(path: &str, file: &EmbeddedFile) -> Option<Response> {
    let nonce = BASE64.encode(&random::<18>().ok()?);
    let text = std::str::from_utf8(&file.data).ok()?.replace(NONCE, &nonce);
    let mut answer = axum::response::Html(text).into_response();
    let said = answer.headers_mut();
    said.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_str(&policy(path, &nonce)).ok()?,
    );
    said.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    said.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    said.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let camera = if scans(path) { "camera=(self)" } else { "camera=()" };
    let powers = format!("{camera}, microphone=(), geolocation=(), payment=()");
    said.insert("permissions-policy", HeaderValue::from_str(&powers).ok()?);
    said.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    Some(answer)
}

fn scans(path: &str) -> bool {
    path == SCAN || path.strip_prefix(SCAN).is_some_and(|rest| rest.starts_with('/'))
}

fn policy(path: &str, nonce: &str) -> String {
    let code = if scans(path) {
        "'self' 'wasm-unsafe-eval'"
    } else {
        "'self'"
    };
    format!(
        "default-src 'none'; script-src {code}; style-src 'self' 'nonce-{nonce}'; img-src 'self' blob: data:; font-src 'self'; \
         connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_from_bytes_runs_on_the_scan_page_alone() {
        for (path, runs) in [
            ("scan", true),
            ("scan/receive", true),
            ("scanner", false),
            ("", false),
            ("links", false),
        ] {
            assert_eq!(policy(path, "n").contains("wasm-unsafe-eval"), runs, "{path}");
        }
        let policy = policy("", "n");
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
            "{policy}"
        );
    }
}
