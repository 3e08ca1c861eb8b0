//! The pages for people: where a device code is typed, and why a sign-in went wrong.

use axum::http::StatusCode;

use crate::reply::Reply;

/// The form that takes a user code.
pub(super) fn device_form() -> Reply {
    let form = "<form method=\"post\" action=\"/device\">\
                <label>The code that the program shows: <input name=\"user_code\" autofocus></label> \
                <button name=\"answer\" value=\"approve\">Approve</button> \
                <button name=\"answer\" value=\"decline\">Decline</button></form>";
    page(StatusCode::OK, "Sign in on a device", form)
}

/// A page that says one thing.
pub(super) fn notice(title: &str, text: &str) -> Reply {
    page(StatusCode::OK, title, &format!("<p>{}</p>", escape(text)))
}

/// A page that says what went wrong where there is nobody to send an error to.
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

/// What a request said never becomes markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
