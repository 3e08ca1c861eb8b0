//! HTML pages: the form for user codes, the form that returns to a client, notices and errors.

use axum::http::StatusCode;

use crate::reply::Reply;

/// Returns the form for a user code.
pub(super) fn device_form() -> Reply {
    let form = "<form method=\"post\" action=\"/device\">\
                <label>Code from the program: <input name=\"user_code\" autofocus></label> \
                <button name=\"answer\" value=\"approve\">Approve</button> \
                <button name=\"answer\" value=\"decline\">Decline</button></form>";
    page(StatusCode::OK, "Sign in on a device", form)
}

/// Returns a page that posts fields to an address automatically, or on a click if scripts are
/// disabled.
pub(super) fn form_post(address: &str, fields: &[(&str, String)]) -> Reply {
    let field = |(name, value): &(&str, String)| {
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
    };
    let fields: String = fields.iter().map(field).collect();
    let form = format!(
        "<form method=\"post\" action=\"{}\">{fields}<noscript><button>Continue</button></noscript></form>\
         <script>document.forms[0].submit()</script>",
        escape(address)
    );
    page(StatusCode::OK, "Signing in", &form)
}

/// Returns a page with one sentence.
pub(super) fn notice(title: &str, text: &str) -> Reply {
    page(StatusCode::OK, title, &format!("<p>{}</p>", escape(text)))
}

/// Returns the page for an error that cannot be sent to the client.
pub(super) fn error(status: StatusCode, title: &str, text: &str) -> Reply {
    page(status, title, &format!("<p>{}</p>", escape(text)))
}

fn page(status: StatusCode, title: &str, body: &str) -> Reply {
    let title = escape(title);
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>{title}</title></head>\
         <body><h1>{title}</h1>{body}<p>This is a simulated tenant.</p></body></html>"
    );
    Reply::new(status, "text/html; charset=utf-8", html)
}

/// Escapes untrusted text.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
