//! The form for changing several alert values at once: status, classification, determination, owner
//! and a comment (docs/triage.md).
//!
//! A value that is not set in the form stays unchanged in every alert. Only determinations that
//! match the classification are offered, unless the user asks for all of them.

use alertdeck_graph::{AlertUpdate, Owner};
use alertdeck_model::{Classification, Determination, SafeText, Status, one_line};

use super::{KeyOutcome, Object, Panel, PanelLine, PanelSpan, Role};
use crate::{
    app::{
        App, Overlay, Targets, TextPrompt, TextPurpose, Usual,
        command::{Context, Hint, Motion, hint, run},
        format::thousands,
        triage::Assignee,
    },
    triage::{Field, Values, determinations, pair},
};

/// The commands of the form.
pub(super) static CONTEXT: Context = Context {
    name: "form",
    heading: "Form",
    commands: &[
        run("form.continue", "review the changes", |app, _| app.confirm_form()),
        run("form.next-value", "next value", |app, _| step(app, true)),
        run("form.previous-value", "previous value", |app, _| step(app, false)),
        run("form.type", "type a name or a comment", |app, _| type_text(app)),
        run("form.all-determinations", "offer all determinations, or only matching ones", |app, _| {
            if let Some(form) = form_mut(app) {
                form.all = !form.all;
            }
        }),
    ],
};

/// The number of lines: four values and the comment.
const LINES: usize = 5;
/// The width of the label column.
const LABEL: usize = 17;

/// The form, while it is open.
#[derive(Clone, Debug)]
pub struct Form {
    targets: Targets,
    /// The line under the cursor.
    at: usize,
    /// The new status. As with the other values, `None` keeps the current one.
    status: Option<Status>,
    classification: Option<Classification>,
    determination: Option<Determination>,
    owner: Option<Assignee>,
    comment: String,
    /// The usual classification of similar alerts, if known.
    usual: Option<Usual>,
    /// Whether all determinations are offered, rather than only those that match the
    /// classification.
    all: bool,
}

impl Form {
    fn new(targets: Targets, usual: Option<Usual>) -> Self {
        Self {
            targets,
            at: 0,
            status: None,
            classification: None,
            determination: None,
            owner: None,
            comment: String::new(),
            usual,
            all: false,
        }
    }

    /// Returns the value that all alerts have, in words, or `various` if the alerts differ.
    fn current(&self, field: Field) -> String {
        let mut values = self.targets.iter().map(|target| &target.seen.values);
        let Some(first) = values.next() else { return String::new() };
        if values.all(|values| values.is_same(first, field)) {
            first.words(field)
        } else {
            "various".to_owned()
        }
    }

    /// Returns the classification that the alerts will have, if it is the same for all.
    fn shared_classification(&self) -> Option<Classification> {
        if self.classification.is_some() {
            return self.classification.clone();
        }
        let of = |values: &Values| values.classification.clone();
        let mut values = self.targets.iter().map(|target| of(&target.seen.values));
        let first = values.next()?;
        values.all(|other| other == first).then_some(first)
    }

    /// Returns the determinations to offer.
    fn determinations(&self) -> Vec<Determination> {
        let of =
            |members: &[(char, Determination)]| members.iter().map(|(_, member)| member.clone()).collect();
        if self.all {
            let known = Determination::MEMBERS.iter().map(|(_, member)| member.clone());
            return known.filter(|member| *member != Determination::Unknown).collect();
        }
        match self.shared_classification().as_ref().map(pair) {
            Some(Some(pair)) => of(pair.determinations),
            // An alert without a classification has no determination.
            Some(None) => Vec::new(),
            None => determinations().iter().flat_map(|pair| of(pair.determinations)).collect::<Vec<_>>(),
        }
    }

    fn step(&mut self, app: &App, forward: bool) {
        match self.at {
            0 => {
                let options = [Status::New, Status::InProgress, Status::Resolved];
                self.status = next(&options, self.status.as_ref(), forward);
            }
            1 => {
                let mut options: Vec<_> =
                    determinations().iter().map(|pair| pair.classification.clone()).collect();
                options.push(Classification::Unknown);
                // Offer the usual classification first.
                if let Some(usual) = &self.usual {
                    options.sort_by_key(|option| *option != usual.classification);
                }
                self.classification = next(&options, self.classification.as_ref(), forward);
                // Replace a determination that belongs to another classification.
                self.determination = match &self.classification {
                    None => None,
                    Some(Classification::Unknown) => Some(Determination::Unknown),
                    Some(chosen) => match &self.usual {
                        Some(usual)
                            if usual.classification == *chosen
                                && usual.determination != Determination::Unknown =>
                        {
                            Some(usual.determination.clone())
                        }
                        _ => self.determinations().into_iter().next(),
                    },
                };
            }
            2 => self.determination = next(&self.determinations(), self.determination.as_ref(), forward),
            3 => {
                let mut options = vec![Assignee::Me, Assignee::NoOne];
                options.extend(app.known_owners(&self.targets).into_iter().map(Assignee::User));
                if let Some(typed @ Assignee::User(_)) = self.owner.clone()
                    && !options.contains(&typed)
                {
                    options.push(typed);
                }
                self.owner = next(&options, self.owner.as_ref(), forward);
            }
            _ => {}
        }
    }

    fn line(&self, app: &App, at: usize) -> PanelLine {
        let label = |name: &str| PanelSpan::column(name, Role::Dim, LABEL);
        let Some(field) = Field::ALL.get(at) else {
            let (text, role) = match self.comment.as_str() {
                "" => ("none".to_owned(), Role::Dim),
                text => (one_line(text), Role::Strong),
            };
            return vec![label("comment"), PanelSpan::new(text, role)];
        };
        let none = |words: String, is_none: bool| if is_none { "none".to_owned() } else { words };
        let chosen = match field {
            Field::Status => self.status.as_ref().map(Status::words),
            Field::Classification => self
                .classification
                .as_ref()
                .map(|member| none(member.words(), *member == Classification::Unknown)),
            Field::Determination => self
                .determination
                .as_ref()
                .map(|member| none(member.words(), *member == Determination::Unknown)),
            Field::Owner => self.owner.as_ref().map(|owner| match owner {
                Assignee::Me => {
                    let me = self.targets.first().and_then(|target| app.me_in(target.feed));
                    me.map_or_else(|| "me".to_owned(), |me| format!("me ({})", SafeText::new(&me).line()))
                }
                Assignee::NoOne => "nobody".to_owned(),
                Assignee::User(name) => SafeText::new(name).line(),
            }),
        };
        let mut line = vec![label(field.name())];
        match chosen {
            Some(words) => {
                line.push(PanelSpan::new(self.current(*field), Role::Dim));
                line.push(PanelSpan::new(" → ", Role::Dim));
                line.push(PanelSpan::new(words, Role::Strong));
            }
            None => line.push(PanelSpan::new(self.current(*field), Role::Text)),
        }
        line
    }

    /// Sets the owner to a typed name.
    pub(in crate::app) fn set_owner(&mut self, name: String) {
        self.owner = Some(Assignee::User(name));
    }

    /// Sets the comment.
    pub(in crate::app) fn set_comment(&mut self, text: &str) {
        text.clone_into(&mut self.comment);
    }
}

/// Returns the option after or before the current one. `None`, which keeps the current value, comes
/// between the last option and the first.
fn next<T: Clone + PartialEq>(options: &[T], current: Option<&T>, forward: bool) -> Option<T> {
    let count = options.len() + 1;
    let at = current.and_then(|current| options.iter().position(|option| option == current));
    let at = at.map_or(0, |at| at + 1);
    let to = (at + if forward { 1 } else { count - 1 }) % count;
    to.checked_sub(1).and_then(|to| options.get(to).cloned())
}

impl Object for Form {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        let mut hints = vec![hint(&["move.down", "move.up"], "field")];
        match self.at {
            3 => hints.push(hint(&["form.type"], "type a name")),
            4 => hints.push(hint(&["form.type"], "type a comment")),
            _ => {}
        }
        if self.at < 4 {
            hints.push(hint(&["form.previous-value", "form.next-value"], "value"));
        }
        if self.at == 2 {
            hints.push(hint(&["form.all-determinations"], if self.all { "fitting only" } else { "all" }));
        }
        hints.push(hint(&["form.continue"], "review"));
        hints.push(hint(&["app.back"], "cancel"));
        hints
    }

    fn go(&mut self, _app: &App, motion: Motion) {
        self.at = match motion {
            Motion::Up => self.at.saturating_sub(1),
            Motion::Down => (self.at + 1).min(LINES - 1),
            Motion::Top | Motion::HalfUp | Motion::PageUp => 0,
            Motion::Bottom | Motion::HalfDown | Motion::PageDown => LINES - 1,
        };
    }

    fn key(&mut self, _app: &App, _key: crate::app::Key) -> KeyOutcome {
        KeyOutcome::Pass
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let count = self.targets.len();
        let title = match count {
            1 => SafeText::new(&self.targets[0].title).line(),
            _ => format!("{} alerts", thousands(count)),
        };
        let (width, _) = app.ui.overlay_size();
        let usual = self.usual.as_ref().map(|usual| {
            let (count, classified) = (thousands(usual.count), thousands(usual.classified));
            let text = format!("usual: {} ({count} of {classified} similar)", usual.words());
            vec![PanelSpan::new(text, Role::Dim)]
        });
        let footer = usual.map_or_else(Vec::new, |usual| vec![Vec::new(), usual]);
        Some(Panel {
            title: "Change".into(),
            footer,
            width: width.min(76),
            heading: vec![vec![PanelSpan::new(title, Role::Strong)], Vec::new()],
            lines: (0..LINES).map(|at| self.line(app, at)).collect(),
            cursor: Some(self.at),
            ..Panel::default()
        })
    }
}

fn form_mut(app: &mut App) -> Option<&mut Form> {
    match app.ui.overlay_mut() {
        Some(Overlay::Form(form)) => Some(form),
        _ => None,
    }
}

fn step(app: &mut App, forward: bool) {
    let Some(Overlay::Form(form)) = app.ui.overlay() else { return };
    let mut form = form.clone();
    form.step(app, forward);
    if let Some(open) = form_mut(app) {
        *open = form;
    }
}

fn type_text(app: &mut App) {
    let Some(form) = form_mut(app) else { return };
    let prompt = match form.at {
        3 => TextPrompt::new(TextPurpose::FormOwner),
        _ => TextPrompt::with_text(TextPurpose::FormComment, &form.comment.clone()),
    };
    app.ui.open(prompt);
}

impl App {
    /// Opens the form.
    pub(in crate::app) fn open_form(&mut self) {
        if let Some(targets) = self.targets() {
            let usual = self.usual(targets[0].row);
            self.ui.open(Form::new(targets, usual));
        }
    }

    /// Applies `fill` to the form, if it is open.
    pub(in crate::app) fn fill_form(&mut self, fill: impl FnOnce(&mut Form)) {
        if let Some(form) = form_mut(self) {
            fill(form);
        }
    }

    /// Opens the confirmation for the changes set in the form.
    fn confirm_form(&mut self) {
        let Some(Overlay::Form(form)) = self.ui.overlay() else { return };
        let form = form.clone();
        let comment = Some(form.comment.as_str()).filter(|text| !text.is_empty());
        let is_empty = form.status.is_none()
            && form.classification.is_none()
            && form.determination.is_none()
            && form.owner.is_none()
            && comment.is_none();
        if is_empty {
            let keys = self.ui.keymap.key("form.next-value");
            return self.notify(format!("nothing to change yet; {keys} chooses a value"));
        }
        self.confirm_change("Change", &form.targets, comment, |app, target| {
            Some(AlertUpdate {
                status: form.status.clone(),
                classification: form.classification.clone(),
                determination: form.determination.clone(),
                assigned_to: match &form.owner {
                    None => None,
                    Some(Assignee::Me) => Some(Owner::User(app.me_in(target.feed)?)),
                    Some(Assignee::NoOne) => Some(Owner::Unassigned),
                    Some(Assignee::User(name)) => Some(Owner::User(name.clone())),
                },
            })
        });
    }
}
