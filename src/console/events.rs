//! Translates terminal events into input events for the state.

use crossterm::event::{Event, KeyCode as Code, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

use crate::app::{Input, Key, KeyCode};

/// Appends an event to the queue. Of consecutive resizes or drags, only the last is kept, since
/// terminals report every step.
pub(super) fn queue(inputs: &mut Vec<Input>, event: Event) {
    let Some(input) = input(event) else { return };
    match (inputs.last_mut(), &input) {
        (Some(last @ Input::Resize { .. }), Input::Resize { .. })
        | (Some(last @ Input::Drag { .. }), Input::Drag { .. }) => *last = input,
        _ => inputs.push(input),
    }
}

/// Translates an event. Returns `None` for events that the console ignores, such as key releases
/// and focus changes.
fn input(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let code = match key.code {
                Code::Char(c) => KeyCode::Char(c),
                Code::Enter => KeyCode::Enter,
                Code::Esc => KeyCode::Esc,
                // Terminals report Shift-Tab as a separate key.
                Code::Tab | Code::BackTab => KeyCode::Tab,
                Code::Insert => KeyCode::Insert,
                Code::F(number) => KeyCode::F(number),
                Code::Backspace => KeyCode::Backspace,
                Code::Delete => KeyCode::Delete,
                Code::Up => KeyCode::Up,
                Code::Down => KeyCode::Down,
                Code::Left => KeyCode::Left,
                Code::Right => KeyCode::Right,
                Code::Home => KeyCode::Home,
                Code::End => KeyCode::End,
                Code::PageUp => KeyCode::PageUp,
                Code::PageDown => KeyCode::PageDown,
                _ => return None,
            };
            if key.modifiers.intersects(KeyModifiers::SUPER | KeyModifiers::META | KeyModifiers::HYPER) {
                return None;
            }
            let has = |modifier| key.modifiers.contains(modifier);
            let is_char = matches!(code, KeyCode::Char(_));
            Some(Input::Key(Key {
                code,
                ctrl: has(KeyModifiers::CONTROL),
                alt: has(KeyModifiers::ALT),
                // A letter typed with Shift is already uppercase.
                shift: !is_char && (has(KeyModifiers::SHIFT) || key.code == Code::BackTab),
            }))
        }
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(width, height) => Some(Input::Resize { width, height }),
        Event::Mouse(mouse) => {
            let (x, y) = (mouse.column, mouse.row);
            match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Some(Input::Click { x, y }),
                MouseEventKind::Drag(MouseButton::Left) => Some(Input::Drag { x, y }),
                MouseEventKind::Up(MouseButton::Left) => Some(Input::Release),
                MouseEventKind::ScrollDown => Some(Input::Wheel { x, y, by: 1 }),
                MouseEventKind::ScrollUp => Some(Input::Wheel { x, y, by: -1 }),
                _ => None,
            }
        }
        _ => None,
    }
}
