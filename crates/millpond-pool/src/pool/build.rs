#![forbid(unsafe_code)]
//! What a pool may be told when it is made.

use super::Pool;
use crate::auto::AutoTick;
use crate::config::{GiveBack, Steal};
use crate::wipe::Wipe;

impl<T> Pool<T> {
    /// Lets the pool hold at most `bytes`, as its items' `retained_bytes` tells.
    ///
    /// A return that finds no room drops its item. What is out of the pool does
    /// not count. Nor do the private places: one item of at most
    /// [`KEEP_BYTES`](crate::KEEP_BYTES) per thread, two until the next tick.
    /// Larger items never lie there, so that the rest is exact: the bytes in
    /// queues never exceed `bytes`, not even for a moment. A budget of zero
    /// keeps nothing at all; `usize::MAX` is none.
    ///
    /// # Cost
    ///
    /// Each return to a queue and each get from one changes a counter that the
    /// threads of the pool share.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_pool::Pool;
    ///
    /// static BODIES: Pool<Vec<u8>> = Pool::new(Vec::new).with_budget(64 << 20);
    /// ```
    #[must_use]
    pub const fn with_budget(mut self, bytes: usize) -> Self {
        self.config.budget_bytes = bytes;
        self
    }

    /// Lets the pool learn what the items of each call site need, and give an item
    /// that is got there room for it at once, new or not.
    ///
    /// Samples are the [`used_bytes`](crate::Recycle::used_bytes) of returns: the first
    /// sixteen of a site, then one in thirty-two. The room is what
    /// [`grow_to`](crate::Recycle::grow_to) makes of a size that holds all but a few of
    /// them, in doublings, at most [`MAX_HINT_BYTES`](crate::MAX_HINT_BYTES). Never the
    /// maximum: one giant in a hundred changes nothing. [`Demand`](crate::Demand) has the
    /// rule, [`learnt_sizes`](Self::learnt_sizes) tells what came of it.
    ///
    /// # Cost
    ///
    /// A look-up of the site at each get and each return: a pair takes 14 ns instead of
    /// 2.4 (Zen 4). 8 KiB for the pool, from its first return on. Up to 64 call sites are
    /// told apart; further ones learn nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_pool::Pool;
    ///
    /// static PAGES: Pool<String> = Pool::new(String::new).with_learnt_sizes();
    ///
    /// let render = || PAGES.get(); // one call site
    /// for _ in 0..4 {
    ///     render().push_str(&"x".repeat(10_000));
    /// }
    /// assert!(render().capacity() >= 10_000);
    /// ```
    #[must_use]
    pub const fn with_learnt_sizes(mut self) -> Self {
        self.config.learns_sizes = true;
        self
    }

    /// Gives the pool a name, for people and reports.
    ///
    /// Without one it goes by the place of its [`new`](Self::new).
    #[must_use]
    pub const fn with_name(mut self, name: &'static str) -> Self {
        self.config.name = name;
        self
    }

    /// Chooses whose an item is when it comes back.
    #[must_use]
    pub const fn with_give_back(mut self, to: GiveBack) -> Self {
        self.config.give_back = to;
        self
    }

    /// Chooses when the pool ticks by itself; unless told, every 30 seconds of use.
    #[must_use]
    pub const fn with_auto_tick(mut self, auto: AutoTick) -> Self {
        self.config.auto = auto;
        self
    }

    /// Lets the pool zero the memory of each item that comes back, after its reset.
    ///
    /// Also of those that it then shrinks or drops, for whatever reason: discarded, dropped
    /// while a thread panics, or left by a panic of their reset.
    /// Not of what a user has let go of before: a vector that grew has left copies
    /// behind in memory that nobody here knows.
    ///
    /// # Cost
    ///
    /// A write of all retained bytes at each return.
    #[must_use]
    pub const fn with_zero_on_recycle(mut self) -> Self
    where
        T: Wipe,
    {
        self.wipe = Some(T::wipe);
        self
    }

    /// Keeps the feature `chaos` away.
    pub(crate) const fn calm(mut self) -> Self {
        self.config.calm = true;
        self
    }

    /// Chooses whether a get may take what other threads hold.
    #[must_use]
    pub const fn with_steal(mut self, steal: Steal) -> Self {
        self.config.steal = steal;
        self
    }
}
