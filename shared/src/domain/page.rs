//! Which part of a list a client wants.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use super::limits::{PER_PAGE_DEFAULT, PER_PAGE_MAX};
use super::{Id, MessageId, Target};

/// A numbered page; page 1 is the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u64,
    /// Entries on each page, 1 to [`PER_PAGE_MAX`].
    pub per_page: u64,
}

/// A page that cannot be asked for.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidPage {
    /// `page` is no integer from 1.
    #[error("page must be an integer from 1 to {PAGE_MAX}")]
    Number,
    /// `per_page` (or `limit`) is out of range.
    #[error("per_page must be an integer from 1 to {PER_PAGE_MAX}")]
    PerPage,
    /// More than one of `page`, `before`, `after` and `around`.
    #[error("only one of page, before, after and around can be given")]
    Several,
}

/// Beyond this page a position would leave the range of exact numbers in scripts.
const PAGE_MAX: u64 = 1_000_000_000;

impl Page {
    /// Reads `page` and `per_page` as they stand in an address; absent ones have their defaults.
    ///
    /// # Errors
    /// [`InvalidPage`] for anything but integers in range.
    pub fn parse(number: Option<&str>, per_page: Option<&str>) -> Result<Self, InvalidPage> {
        let number = number
            .map_or(Some(1), |text| integer(text, PAGE_MAX))
            .ok_or(InvalidPage::Number)?;
        let per_page = per_page
            .map_or(Some(PER_PAGE_DEFAULT), |text| integer(text, PER_PAGE_MAX))
            .ok_or(InvalidPage::PerPage)?;
        Ok(Self { number, per_page })
    }

    /// How many entries are on the pages before this one.
    pub fn skipped(self) -> u64 {
        (self.number - 1) * self.per_page
    }
}

fn integer(text: &str, max: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (1..=max).contains(number))
}

/// A part of a conversation's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A numbered page, which shifts as messages come and go.
    Page(Page),
    /// The messages right before that one, which never shift.
    Before(MessageId, u64),
    /// The messages right after that one.
    After(MessageId, u64),
    /// That message in the middle of its neighbours.
    Around(MessageId, u64),
}

/// A part of a topic's members, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersPage {
    /// Only members after this one.
    pub after: Option<Id>,
    /// Members at the most.
    pub limit: usize,
}

/// A place in the order of an inbox: right behind an entry. New activity moves entries to the front, and so never across it towards the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxPlace {
    /// What the inbox is ordered by: the time of the newest message in ms, and more for a pinned conversation.
    pub order: u64,
    /// The entry, which decides where that is equal.
    pub target: Target,
}

/// A part of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxWindow {
    /// The numbered page, which shifts as conversations move. Of a part after a place, only its size counts.
    pub page: Page,
    /// The place behind which it begins.
    pub after: Option<InboxPlace>,
    /// Only what the user has hidden; else all but that.
    pub hidden: bool,
}

impl From<Page> for InboxWindow {
    fn from(page: Page) -> Self {
        Self {
            page,
            after: None,
            hidden: false,
        }
    }
}

/// A place in a list whose newest entries come first: right behind an entry. New entries never shift it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimePlace {
    /// The entry's time in milliseconds since 1970.
    pub ms: u64,
    /// The entry's name, which decides where the time is equal.
    pub name: String,
}

/// A part of a list whose newest entries come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// Only entries after this place.
    pub after: Option<TimePlace>,
    /// The most entries.
    pub limit: u64,
}

/// A text that is not a place in a list.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be the next of a page")]
pub struct InvalidTimePlace;

impl TimePlace {
    /// Reads a place that a client kept.
    ///
    /// # Errors
    /// [`InvalidTimePlace`] for anything that its `Display` did not write.
    pub fn parse(text: &str) -> Result<Self, InvalidTimePlace> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidTimePlace)?;
        let text = String::from_utf8(bytes).map_err(|_| InvalidTimePlace)?;
        let (ms, name) = text.split_once(' ').ok_or(InvalidTimePlace)?;
        Ok(Self {
            ms: integer(ms, 1 << 48).ok_or(InvalidTimePlace)?,
            name: Some(name.to_owned())
                .filter(|name| !name.is_empty())
                .ok_or(InvalidTimePlace)?,
        })
    }
}

impl fmt::Display for TimePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{} {}", self.ms, self.name)))
    }
}

/// A text that is no place in an inbox.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be the state.next of a list")]
pub struct InvalidInboxPlace;

impl InboxPlace {
    /// Reads a place that a client kept.
    ///
    /// # Errors
    /// [`InvalidInboxPlace`] for anything that its `Display` did not write.
    pub fn parse(text: &str) -> Result<Self, InvalidInboxPlace> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidInboxPlace)?;
        let text = String::from_utf8(bytes).map_err(|_| InvalidInboxPlace)?;
        let (order, target) = text.split_once(' ').ok_or(InvalidInboxPlace)?;
        Ok(Self {
            order: integer(order, 1 << 52).ok_or(InvalidInboxPlace)?,
            target: Target::from_inbox_key(target).ok_or(InvalidInboxPlace)?,
        })
    }
}

impl fmt::Display for InboxPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{} {}", self.order, self.target)))
    }
}

/// How many pages there are: at least one, also when there is nothing.
pub fn total_pages(total: u64, per_page: u64) -> u64 {
    total.div_ceil(per_page).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_means_the_first_ten() {
        assert_eq!(
            Page::parse(None, None),
            Ok(Page {
                number: 1,
                per_page: 10
            })
        );
        assert_eq!(Page::parse(Some("3"), Some("100")).unwrap().skipped(), 200);
    }

    #[test]
    fn anything_but_an_integer_in_range_is_refused() {
        for text in ["0", "-1", "+1", "1.5", "", "x", "1e3", "99999999999999999999"] {
            assert_eq!(Page::parse(Some(text), None), Err(InvalidPage::Number), "{text}");
            assert_eq!(Page::parse(None, Some(text)), Err(InvalidPage::PerPage), "{text}");
        }
        assert_eq!(Page::parse(None, Some("101")), Err(InvalidPage::PerPage));
    }

    #[test]
    fn a_place_by_time_survives_its_text() {
        let place = TimePlace {
            ms: 1_750_000_000_000,
            name: "a b|ä".to_owned(),
        };
        assert_eq!(TimePlace::parse(&place.to_string()), Ok(place));
        let texts = ["5", "5 ", " x", "0 x", "-5 x", "99999999999999999999 x"];
        for wrong in texts.map(|text| URL_SAFE_NO_PAD.encode(text)) {
            assert_eq!(TimePlace::parse(&wrong), Err(InvalidTimePlace), "{wrong}");
        }
        assert_eq!(TimePlace::parse("!"), Err(InvalidTimePlace));
    }

    #[test]
    fn there_is_always_a_page() {
        assert_eq!([0, 1, 10, 11].map(|total| total_pages(total, 10)), [1, 1, 1, 2]);
    }
}
