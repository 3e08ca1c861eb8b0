//! Token renewals whose caller is dropped or during which the user signs out.

use std::time::Duration;

use alertdeck_graph::auth::{Application, Authority, Identity, Key, Session, Stored, Tokens, Vault};
use secrecy::ExposeSecret as _;

use super::fake::{Fake, Step, answer, http};

/// Starts an authority that answers the first request slowly and refuses all others.
async fn authority() -> Fake {
    let json = [("content-type", "application/json")];
    Fake::start(move |number, _, _| {
        if number > 0 {
            return answer(400, &json, r#"{"error":"invalid_grant","error_description":"used before"}"#);
        }
        let body = r#"{"token_type":"Bearer","expires_in":3600,"access_token":"new","refresh_token":"next"}"#;
        let whole = answer(200, &json, body);
        whole.into_iter().map(slowly).collect()
    })
    .await
}

fn slowly(step: Step) -> Step {
    match step {
        Step::Send(bytes) => Step::Drip(bytes, Duration::from_millis(2)),
        other => other,
    }
}

struct Kept {
    session: Session,
    vault: Vault,
    key: Key,
    _folder: tempfile::TempDir,
}

/// Creates credentials as an earlier run would have stored them.
async fn kept(authority: &Fake) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::file(folder.path());
    let key = Key {
        profile: "default".into(),
        authority: "127.0.0.1".into(),
        tenant: "contoso.com".into(),
        client_id: "11111111-2222-4333-8444-555555555555".into(),
    };
    let application = Application {
        authority: Authority::new(&authority.base(), "contoso.com").unwrap(),
        client_id: key.client_id.clone(),
        scope: "https://graph.microsoft.com/.default".into(),
    };
    vault.check().await.unwrap();
    vault.save(&key, &Stored { refresh_token: "first".into(), account: None }).await.unwrap();
    let identity = Identity::User { vault: vault.clone(), key: key.clone() };
    Kept { session: Session::new(http(), application, identity), vault, key, _folder: folder }
}

#[tokio::test]
async fn a_renewal_whose_caller_went_away_is_not_lost() {
    let authority = authority().await;
    let kept = kept(&authority).await;
    let tokens = Tokens::session(kept.session.clone());
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.current().await }
    });
    authority.reached(1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    let token = tokens.current().await.unwrap();
    assert_eq!(token.authorization().unwrap(), "Bearer new");
    let stored = kept.vault.load(&kept.key).await.unwrap().stored.unwrap();
    assert_eq!(stored.refresh_token.expose_secret(), "next");
    assert_eq!(authority.asked().len(), 1);
}

#[tokio::test]
async fn signing_out_during_a_renewal_wins() {
    let authority = authority().await;
    let kept = kept(&authority).await;
    let tokens = Tokens::session(kept.session.clone());
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.current().await }
    });
    authority.reached(1).await;
    assert!(kept.session.sign_out().await.unwrap());
    caller.await.unwrap().unwrap_err();
    assert!(kept.vault.load(&kept.key).await.unwrap().stored.is_none());
    assert!(kept.session.claims().is_none());
    assert_eq!(tokens.current().await.unwrap_err().to_string(), "not signed in");
    assert_eq!(authority.asked().len(), 1);
}
