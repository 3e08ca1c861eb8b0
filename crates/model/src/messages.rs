//! Messages for the user about a source that may have any number of errors.

/// The maximum number of messages to keep. A log file could otherwise produce one for each line.
const MAX_KEPT: usize = 50;

/// One-line messages without duplicates. Only the first 50 are kept; the others are counted.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    kept: Vec<String>,
    /// The number of messages that were not kept.
    more: usize,
}

impl Messages {
    /// Adds a message.
    pub fn add(&mut self, line: String) {
        if self.kept.contains(&line) {
            return;
        }
        if self.kept.len() < MAX_KEPT {
            self.kept.push(line);
        } else {
            self.more += 1;
        }
    }

    /// Adds the messages of `other`.
    pub fn extend(&mut self, other: Self) {
        other.kept.into_iter().for_each(|line| self.add(line));
        self.more += other.more;
    }

    /// Applies `change` to each kept message.
    #[must_use]
    pub fn map(self, change: impl Fn(String) -> String) -> Self {
        Self { kept: self.kept.into_iter().map(change).collect(), ..self }
    }

    /// Returns the number of messages, including those that were not kept.
    pub fn len(&self) -> usize {
        self.kept.len() + self.more
    }

    /// Returns whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns the kept messages. If others were not kept, a last line gives their number.
    pub fn lines(&self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("{} more messages like these", self.more));
        self.kept.iter().cloned().chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_messages_occur_once_and_the_others_are_counted() {
        let mut messages = Messages::default();
        (0..60).for_each(|at| messages.add(format!("line {}", at / 2)));
        assert_eq!((messages.len(), messages.lines().len()), (30, 30));
        (100..200).for_each(|at| messages.add(format!("line {at}")));
        let mut twice = messages.clone();
        twice.extend(messages.map(|line| format!("b {line}")));
        assert_eq!(twice.len(), 260);
        assert_eq!(twice.lines().len(), MAX_KEPT + 1);
        assert_eq!(twice.lines()[MAX_KEPT], "210 more messages like these");
    }
}
