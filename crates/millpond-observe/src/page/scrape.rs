#![forbid(unsafe_code)]
//! One text for all scrapes that come at the same moment.
//!
//! A text is rendered when a scrape asks for it, unless one is younger than
//! [`FRESH`]. It is rendered once however many ask; who finds it being
//! rendered takes the one before. All answers share its bytes, so ten thousand
//! readers, or one that never finishes reading, hold one copy.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use axum::body::Bytes;

/// How long a text serves. Far below any scrape interval; guessed.
const FRESH: Duration = Duration::from_millis(100);

/// The last text, and whoever renders the next.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    last: Mutex<Option<(Instant, Bytes)>>,
    rendering: Mutex<()>,
}

impl Scrapes {
    /// Returns a text at most [`FRESH`] old at `now`, rendered by `render` if need be.
    pub(super) fn text(&self, now: Instant, render: impl FnOnce() -> String) -> Bytes {
        if let Some(text) = self.last(|written| now.saturating_duration_since(written) < FRESH) {
            return text;
        }
        let _turn = match self.rendering.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => match self.last(|_| true) {
                Some(text) => return text,
                // Only while the very first is being rendered.
                None => lock(&self.rendering),
            },
        };
        if let Some(text) = self.last(|written| now.saturating_duration_since(written) < FRESH) {
            return text; // rendered while this one waited
        }
        let text = Bytes::from(render());
        *lock(&self.last) = Some((now, text.clone()));
        text
    }

    fn last(&self, wanted: impl FnOnce(Instant) -> bool) -> Option<Bytes> {
        let last = lock(&self.last);
        last.as_ref()
            .filter(|(written, _)| wanted(*written))
            .map(|(_, text)| text.clone())
    }
}

/// A text stays of use after a panic elsewhere, so poison is passed over.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_serves_until_it_is_no_longer_fresh() {
        let scrapes = Scrapes::default();
        let start = Instant::now();
        let first = scrapes.text(start, || "first".into());
        let same = scrapes.text(start + FRESH / 2, || panic!("rendered twice"));
        assert_eq!(first.as_ptr(), same.as_ptr(), "a copy was made");
        let second = scrapes.text(start + FRESH, || "second".into());
        assert_eq!(&second[..], b"second");
    }

    #[test]
    fn who_finds_it_being_rendered_takes_the_one_before() {
        let scrapes = Scrapes::default();
        let start = Instant::now();
        scrapes.text(start, || "old".into());
        let late = start + FRESH * 2;
        let new = scrapes.text(late, || {
            let meanwhile = scrapes.text(late, || panic!("rendered twice"));
            assert_eq!(&meanwhile[..], b"old");
            "new".into()
        });
        assert_eq!(&new[..], b"new");
    }
}
