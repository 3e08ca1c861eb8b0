//! The determinations to offer for each classification, and the letters that select them
//! (docs/graph-api.md, "Updating alerts").
//!
//! The service is not documented to reject other pairs, but the console offers only these.

use alertdeck_model::{Classification, Determination};

/// A classification, the letter that selects it, and its determinations.
#[derive(Debug)]
pub struct Pair {
    /// The classification.
    pub classification: Classification,
    /// The letter that selects the classification.
    pub letter: char,
    /// The determinations for the classification, each preceded by the letter that selects it. The
    /// most frequent determination comes first.
    pub determinations: &'static [(char, Determination)],
}

/// The classifications that a closed alert can have.
static PAIRS: [Pair; 3] = [
    Pair {
        classification: Classification::TruePositive,
        letter: 't',
        determinations: &[
            ('m', Determination::Malware),
            ('p', Determination::Phishing),
            ('a', Determination::MultiStagedAttack),
            ('u', Determination::MaliciousUserActivity),
            ('c', Determination::CompromisedAccount),
            ('w', Determination::UnwantedSoftware),
            ('o', Determination::Other),
        ],
    },
    Pair {
        classification: Classification::FalsePositive,
        letter: 'f',
        determinations: &[
            ('n', Determination::NotMalicious),
            ('i', Determination::NotEnoughDataToValidate),
            ('o', Determination::Other),
        ],
    },
    Pair {
        classification: Classification::InformationalExpectedActivity,
        letter: 'e',
        determinations: &[
            ('s', Determination::SecurityTesting),
            ('l', Determination::LineOfBusinessApplication),
            ('c', Determination::ConfirmedActivity),
            ('o', Determination::Other),
        ],
    },
];

/// Returns the classifications with their determinations.
pub fn determinations() -> &'static [Pair] {
    &PAIRS
}

/// Returns a classification with its determinations. Returns `None` if no determinations are
/// offered for it.
pub fn pair(classification: &Classification) -> Option<&'static Pair> {
    PAIRS.iter().find(|pair| pair.classification == *classification)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn letters_are_unique_and_none_moves_the_cursor() {
        let letters = |letters: Vec<char>| {
            assert!(letters.iter().all(|letter| !"jkq".contains(*letter)), "{letters:?}");
            assert_eq!(letters.iter().collect::<BTreeSet<_>>().len(), letters.len(), "{letters:?}");
        };
        letters(PAIRS.iter().map(|pair| pair.letter).collect());
        for pair in &PAIRS {
            letters(pair.determinations.iter().map(|(letter, _)| *letter).collect());
        }
    }
}
