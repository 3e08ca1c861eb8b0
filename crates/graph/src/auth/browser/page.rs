//! Result pages for a browser sign-in.

use hyper::{Response, StatusCode, header};

pub(super) const DONE: &str = "<h1>Signed in</h1><p>You can close this page and go back to alertdeck.</p>";
pub(super) const NOTHING: &str = "<h1>Nothing here</h1>";
pub(super) const NOT_OURS: &str =
    "<h1>Not this sign-in</h1><p>This page does not belong to the current sign-in.</p>";
pub(super) const OVER: &str =
    "<h1>Too late</h1><p>This sign-in has ended. Go back to alertdeck and start again.</p>";

/// Returns the page for an error. The error text is untrusted and is escaped.
pub(super) fn failed(error: &str) -> String {
    format!("<h1>Not signed in</h1><p>{}</p><p>Go back to alertdeck.</p>", escape(error))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns a page that runs no scripts, fetches nothing and is not cached.
pub(super) fn write(status: StatusCode, body: &str) -> Response<String> {
    let mut page = Response::new(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>alertdeck</title>\
         <style>body{{font:16px sans-serif;margin:4em auto;max-width:40em}}</style></head>\
         <body>{body}</body></html>"
    ));
    *page.status_mut() = status;
    let headers = page.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_is_escaped() {
        let page = write(StatusCode::OK, &failed("<script>alert('x')</script> & \"y\""));
        assert!(!page.body().contains("<script>"), "{}", page.body());
        assert!(page.body().contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"));
        assert!(
            page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
        );
    }
}
