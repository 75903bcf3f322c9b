//! Text without meaning, for `lipsum()`.

use super::failure::Outcome;
use super::methods::capitalize;
use super::python::Randomness;

/// Words of the pseudo-Latin that printers use.
const WORDS: &str = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor \
                     incididunt ut labore et dolore magna aliqua enim ad minim veniam quis nostrud \
                     exercitation ullamco laboris nisi aliquip ex ea commodo consequat duis aute \
                     irure in reprehenderit voluptate velit esse cillum fugiat nulla pariatur \
                     excepteur sint occaecat cupidatat non proident sunt culpa qui officia deserunt \
                     mollit anim id est laborum";

/// A paragraph of at least so many words, and fewer than `most`.
pub(super) fn paragraph(least: usize, most: usize, randomness: &mut Randomness) -> Outcome<String> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let length = least + randomness.index(most - least)?;
    let mut text = String::new();
    let mut last = "";
    let (mut in_sentence, mut in_clause) = (0, 0);
    let (mut sentence, mut clause) = (0, 0);
    for index in 0..length {
        let mut word = last;
        while word == last {
            word = words.get(randomness.index(words.len())?).copied().unwrap_or_default();
        }
        last = word;
        if in_sentence == sentence {
            if index > 0 {
                text.push_str(". ");
            }
            (in_sentence, in_clause) = (0, 0);
            (sentence, clause) = (10 + randomness.index(10)?, 4 + randomness.index(5)?);
            text.push_str(&capitalize(word));
        } else {
            if in_clause == clause {
                text.push(',');
                in_clause = 0;
            }
            text.push(' ');
            text.push_str(word);
        }
        in_sentence += 1;
        in_clause += 1;
    }
    text.push('.');
    Ok(text)
}
