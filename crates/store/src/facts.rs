//! The alert values that filters test and that columns show.

use alertdeck_model::{
    AlertId, Classification, Determination, SafeText, ServiceSource, Severity, Status, Timestamp,
};

use crate::{DateColumn, Row, RowSet, Store, columns::Columns};

/// The values of one alert.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    store: &'a Store,
    row: Row,
}

/// Declares the accessors for an enumeration, which return a row's member and the rows whose member
/// passes a test.
macro_rules! member {
    ($name:ident, $rows:ident, $type:ident, $doc:literal) => {
        impl<'a> Facts<'a> {
            #[doc = concat!("Returns the ", $doc, "; unknown if none was sent.")]
            pub fn $name(self) -> &'a $type {
                static UNKNOWN: $type = $type::Unknown;
                self.columns().$name.get(self.row).unwrap_or(&UNKNOWN)
            }
        }

        impl Store {
            #[doc = concat!("Returns the rows whose ", $doc, " passes a test; unknown if none was sent.")]
            pub fn $rows(&self, test: impl Fn(&$type) -> bool) -> RowSet {
                self.columns.$name.rows(|member| test(member.unwrap_or(&$type::Unknown)))
            }
        }
    };
}

member!(severity, rows_by_severity, Severity, "severity");
member!(status, rows_by_status, Status, "status");
member!(classification, rows_by_classification, Classification, "classification");
member!(determination, rows_by_determination, Determination, "determination");
member!(source, rows_by_source, ServiceSource, "service source");

impl<'a> Facts<'a> {
    pub(crate) fn new(store: &'a Store, row: Row) -> Self {
        Self { store, row }
    }

    fn columns(self) -> &'a Columns {
        &self.store.columns
    }

    /// Returns the id or, for an alert without one, a string derived from its JSON.
    pub fn id(self) -> AlertId {
        AlertId::new(&self.store.dictionary.text(self.columns().id[self.row.index()]).raw)
    }

    /// Returns the owner.
    pub fn assigned_to(self) -> Option<SafeText> {
        self.columns().owner[self.row.index()].map(|owner| self.store.dictionary.safe(owner))
    }

    /// Returns one of the alert's dates.
    pub fn date(self, date: DateColumn) -> Option<Timestamp> {
        self.columns().date(date, self.row)
    }

    /// Returns the creation time.
    pub fn created(self) -> Option<Timestamp> {
        self.date(DateColumn::Created)
    }

    /// Returns the last update time.
    pub fn last_update(self) -> Option<Timestamp> {
        self.date(DateColumn::LastUpdate)
    }

    /// Returns whether the service sent a classification.
    pub fn has_classification(self) -> bool {
        self.columns().classification.get(self.row).is_some()
    }

    /// Returns whether the service sent a determination.
    pub fn has_determination(self) -> bool {
        self.columns().determination.get(self.row).is_some()
    }
}
