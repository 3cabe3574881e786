//! What is known of statements by their words.

use crate::script::{Statement, Token, TokenKind, Words};

/// Something to be known of the statements that a pattern fits.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The statement's first words, in upper case, or symbols. `*` stands for any one token.
    pub begins: &'static [&'static str],
    /// A word, in upper case, or a symbol that has to stand anywhere in it.
    pub holds: Option<&'static str>,
    /// What is so.
    pub fact: Fact,
}

impl Rule {
    /// A rule for statements that begin so.
    pub const fn of(begins: &'static [&'static str], fact: Fact) -> Self {
        Self { begins, holds: None, fact }
    }

    /// A rule for statements that begin so, and hold a word.
    pub const fn with(begins: &'static [&'static str], word: &'static str, fact: Fact) -> Self {
        Self { begins, holds: Some(word), fact }
    }

    /// A rule for statements that hold a word.
    pub const fn holding(word: &'static str, fact: Fact) -> Self {
        Self { begins: &[], holds: Some(word), fact }
    }
}

impl Rule {
    /// Whether a word is the one that the rule looks for. What is set may stand in quotes: `PRAGMA "foreign_keys"`.
    fn is_held(&self, word: &Token<'_>, wanted: &str) -> bool {
        let quoted = matches!(word.kind, TokenKind::QuotedIdentifier | TokenKind::String);
        let sets = || matches!(self.begins.first(), Some(&("PRAGMA" | "SET")));
        is(word, wanted) || (quoted && sets() && word.text.eq_ignore_ascii_case(wanted))
    }
}

/// What is to be known of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// It cannot run inside a transaction, or does nothing there: the script must say `no-transaction`.
    NeedsNoTransaction,
    /// It behaves otherwise when it shares a transaction with other migrations: its script travels alone.
    TravelsAlone,
    /// From its script on, nothing shares a transaction any more.
    EndsSharing,
    /// Run once more, it has the same effect as run once.
    RunAgain,
    /// Run once more, it fails or has another effect, whatever a wider rule says.
    RunOnce,
    /// It changes the session only: it is run again before a script is resumed behind it.
    Replay,
    /// It cannot stand in a script whose statements are each followed by a row of the history.
    Impossible,
    /// It is about the next transaction, which in a script is one that writes a row of the history: it has to be said of the
    /// session instead.
    NextTransaction,
    /// When it fails, a part of it may have taken effect all the same.
    MayFailHalfway,
    /// The database answers it with several results, or with a number of them that nobody knows beforehand: those with
    /// rows first, and then one without.
    ManyResults,
    /// It drops a table: where foreign keys are enforced, rows of the tables that refer to it may be deleted or changed.
    DropsTable,
    /// It waits for others in the middle of its work, and nobody has to queue behind it meanwhile: the limit on waiting for
    /// locks is not meant for it.
    WaitsAside,
    /// It may change where names are looked for, in this session and in those that are opened later: a script with such a
    /// statement may change settings.
    MayMove,
    /// Nobody can tell from the answers where its own end: nothing stands behind it in its message.
    TravelsLast,
    /// It leaves something in the session that cannot be brought back: its script is never resumed midway.
    SessionState,
    /// It switches foreign keys on or off, which does nothing inside a transaction: the directive `foreign_keys=off` is meant
    /// (a dialect with [`ForeignKeys`](super::ForeignKeys)).
    SwitchesForeignKeys,
}

/// The facts that hold for a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts(u32);

impl Facts {
    /// What the rules say of a statement.
    pub(super) fn of(rules: &[Rule], statement: &Statement<'_>) -> Self {
        let mut readings = statement.readings();
        let mut facts = readings.next().map(|words| Self::of_words(rules, &words)).unwrap_or_default();
        // Where a server skips all of it, nothing is done.
        for words in readings.filter(|words| words.clone().next().is_some()) {
            facts = facts.or(Self::of_words(rules, &words));
        }
        facts
    }

    /// What the rules say of a statement in one reading.
    fn of_words(rules: &[Rule], words: &Words<'_, '_>) -> Self {
        let mut facts = Self::default();
        for rules in rules.chunks(128) {
            facts.add_all(rules, words.clone());
        }
        if facts.has(Fact::RunOnce) {
            facts.remove(Fact::RunAgain);
            facts.remove(Fact::Replay);
        }
        facts
    }

    /// What holds if either of two readings may be the server's: that a statement may run again holds in both.
    fn or(self, other: Self) -> Self {
        let (either, both) = (Self(self.0 | other.0), Self(self.0 & other.0));
        [Fact::RunAgain, Fact::Replay].into_iter().filter(|fact| !both.has(*fact)).fold(
            either,
            |mut facts, fact| {
                facts.remove(fact);
                facts
            },
        )
    }

    pub(crate) fn has(self, fact: Fact) -> bool {
        self.0 & (1 << fact as u32) != 0
    }

    fn add(&mut self, fact: Fact) {
        self.0 |= 1 << fact as u32;
    }

    fn remove(&mut self, fact: Fact) {
        self.0 &= !(1 << fact as u32);
    }

    /// Adds what up to 128 rules say of a statement, in one pass over as many of its words as they need.
    fn add_all(&mut self, rules: &[Rule], words: Words<'_, '_>) {
        // Which rules are undecided, and which have found the word that they look for: a bit a rule.
        let mut open: u128 = u128::MAX.checked_shr(128 - rules.len() as u32).unwrap_or(0);
        let mut found: u128 = 0;
        let longest = rules.iter().map(|rule| rule.begins.len()).max().unwrap_or(0);
        let mut lookout = None;
        for (at, word) in words.enumerate() {
            let word = without_quotes(word);
            // Behind the beginning, nearly all words are of no rule: those are told by one look.
            if at >= longest
                && !lookout.get_or_insert_with(|| Lookout::of(rules, open)).may_be_wanted(word.text)
            {
                continue;
            }
            let mut left = open;
            while left != 0 {
                let index = left.trailing_zeros();
                let (rule, bit) = (&rules[index as usize], 1_u128 << index);
                left &= !bit;
                // Lengths first: nearly all words are told apart by them.
                if let Some(wanted) = rule.begins.get(at)
                    && (wanted.len() != word.text.len() || !is(&word, wanted))
                    && *wanted != "*"
                {
                    open &= !bit;
                    continue;
                }
                if rule
                    .holds
                    .is_none_or(|wanted| wanted.len() == word.text.len() && rule.is_held(&word, wanted))
                {
                    found |= bit;
                }
                if found & bit != 0 && rule.begins.len() <= at + 1 {
                    self.add(rule.fact);
                    open &= !bit;
                }
            }
            if open == 0 {
                break;
            }
        }
    }
}

/// The words that rules look for, by their lengths and first bytes.
struct Lookout {
    lengths: u64,
    firsts: u128,
}

impl Lookout {
    /// Those of the rules that are undecided.
    fn of(rules: &[Rule], open: u128) -> Self {
        let undecided = rules.iter().enumerate().filter(|(index, _)| open & (1_u128 << index) != 0);
        let words = undecided.filter_map(|(_, rule)| rule.holds);
        words.fold(Self { lengths: 0, firsts: 0 }, |this, word| Self {
            lengths: this.lengths | Self::length(word),
            firsts: this.firsts | Self::first(word),
        })
    }

    fn length(word: &str) -> u64 {
        1 << word.len().min(63)
    }

    fn first(word: &str) -> u128 {
        word.bytes().next().filter(u8::is_ascii).map_or(0, |byte| 1 << byte.to_ascii_uppercase())
    }

    fn may_be_wanted(&self, word: &str) -> bool {
        self.lengths & Self::length(word) != 0 && self.firsts & Self::first(word) != 0
    }
}

/// The word, and if it stands in quotes, what stands in them.
fn without_quotes(word: Token<'_>) -> Token<'_> {
    match word.kind {
        TokenKind::QuotedIdentifier | TokenKind::String => {
            Token { text: word.text.trim_matches(['"', '\'', '`', '[', ']']), ..word }
        }
        _ => word,
    }
}

fn is(word: &Token<'_>, wanted: &str) -> bool {
    word.is_keyword(wanted) || word.is_symbol(wanted)
}
