//! Parses the `[notify]` table.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{NOTIFY, Reader, kind};
use crate::{
    app::{NotifyMethod, NotifySettings},
    config::{
        Config,
        diagnostic::{nearest, quoted},
        key::{Key, Value},
    },
};
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_query as query;
use alertdeck_store::FeedId;

const FILTER: &str = "filter";
const METHOD: &str = "method";

impl Reader<'_> {
    /// Reads the table. `span` is the position of its name. The filter may refer to the tenants of
    /// the profiles in `config`.
    pub(super) fn notify(
        &mut self,
        table: &DeTable,
        span: Range<usize>,
        config: &Config,
    ) -> Option<NotifySettings> {
        let (mut filter, mut method) = (None, NotifyMethod::default());
        let before = self.errors.len();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (FILTER, DeValue::String(text)) => {
                    filter = Some(text.trim().to_owned());
                    self.check_filter(text, value.span(), config);
                }
                (METHOD, DeValue::String(text)) => {
                    let found = NotifyMethod::ALL.iter().find(|(name, _)| *name == text.as_ref());
                    match found {
                        Some((_, known)) => method = *known,
                        None => self.unknown_method(text, value.span()),
                    }
                }
                (name @ (FILTER | METHOD), other) => {
                    let message = format!("`{name}` must be text, not {}", kind(other));
                    self.error(value.span(), message, "put the value in quotes");
                }
                (name, _) => self.unknown(name, key.span(), "key", [FILTER, METHOD]),
            }
        }
        if filter.is_none() && self.errors.len() == before {
            let fix = "add a line such as filter = \"severity:high status:new\"";
            self.error(span, format!("`[{NOTIFY}]` needs a filter"), fix);
        }
        filter.map(|filter| NotifySettings { filter, method })
    }

    fn check_filter(&mut self, text: &str, span: Range<usize>, config: &Config) {
        if text.trim().is_empty() {
            return self.error(
                span,
                "the filter is empty",
                "write a filter, or remove the table to turn notifications off",
            );
        }
        let of_profile = |section: &super::Section| {
            let tenant = section.settings.get(&Key::Tenant).map(|setting| &setting.value);
            let tenant = if let Some(Value::Text(tenant)) = tenant { Some(tenant.clone()) } else { None };
            [Some(section.name.clone()), tenant].into_iter().flatten()
        };
        // The user may be unknown until sign-in, so `me` is a placeholder.
        let names = config.sections.iter().flat_map(of_profile).collect();
        let tenant = query::Tenant { feed: Some(FeedId::default()), names, me: Some("me".to_owned()) };
        let context =
            query::Context { tenants: vec![tenant], ..query::Context::at(Timestamp::from_ticks(0)) };
        if let Err(diagnostics) = query::compile(text, &context) {
            let why = diagnostics.first().map(|diagnostic| SafeText::new(&diagnostic.message).line());
            let message = format!("the filter has an error: {}", why.unwrap_or_default());
            self.error(
                span,
                message,
                "correct it; `alertdeck explain` with the filter shows where the error is",
            );
        }
    }

    fn unknown_method(&mut self, text: &str, span: Range<usize>) {
        let names = NotifyMethod::ALL.map(|(name, _)| name);
        let fix = match nearest(text, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected {}", names.join(", ")),
        };
        self.error(span, format!("unknown method {}", quoted(text)), fix);
    }
}
