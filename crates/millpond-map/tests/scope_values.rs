//! Values of a scope that want to be dropped: when, in which order, and whatever panics.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;

use millpond_map::MapPool;

/// Writes down that it was dropped, and may panic then.
struct Noted {
    number: usize,
    log: Arc<Mutex<Vec<usize>>>,
    panics: bool,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.log
            .lock()
            .expect("no panic under it")
            .push(self.number);
        assert!(!self.panics, "the drop fails");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    fn noted(&self, number: usize) -> Noted {
        Noted {
            number,
            log: Arc::clone(&self.0),
            panics: false,
        }
    }

    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *self.0.lock().expect("no panic under it"))
    }
}

#[test]
fn each_value_is_dropped_once_at_the_end_and_newest_first() {
    let pool = MapPool::new("test");
    let log = Log::default();
    for _ in 0..3 {
        let scope = pool.scope();
        for number in 0..1_000 {
            let value = scope.alloc_drop(log.noted(number));
            scope.alloc_str("something between");
            assert_eq!(value.number, number);
        }
        assert!(log.take().is_empty(), "not before the end");
        drop(scope);
        assert!(log.take().into_iter().eq((0..1_000).rev()));
    }
    assert_eq!(pool.stats().outstanding_scopes, 0);
}

#[test]
fn values_of_any_type_are_used_as_what_they_are() {
    let pool = MapPool::new("test");
    let counted = Arc::new(());
    let scope = pool.scope();
    let text = scope.alloc_drop(String::from("text"));
    let list = scope.alloc_drop(vec![Arc::clone(&counted); 10]);
    let boxed: &mut Box<dyn Fn(usize) -> usize + Send> = scope.alloc_drop(Box::new(|n| n + 1));
    #[repr(align(64))]
    struct Aligned(Arc<()>);
    let aligned = scope.alloc_drop(Aligned(Arc::clone(&counted)));
    assert_eq!(std::ptr::from_ref(aligned).addr() % 64, 0);
    text.push_str(" and more");
    list.push(Arc::clone(&aligned.0));
    let mut map = scope.map::<&str, usize>();
    map.insert(text, boxed(list.len()));
    assert_eq!(map["text and more"], 12);
    drop(map);
    drop(scope);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn what_needs_no_drop_is_not_listed() {
    let pool = MapPool::new("test");
    let used = |what: &dyn Fn(&millpond_map::Scope<'_>)| {
        let scope = pool.scope();
        what(&scope);
        scope.bump().allocated_bytes() - scope.bump().chunk_capacity()
    };
    let plain = used(&|scope| {
        (0..100_u64).for_each(|number| _ = scope.bump().alloc(number));
    });
    let dropped = used(&|scope| {
        (0..100_u64).for_each(|number| _ = scope.alloc_drop(number));
    });
    assert_eq!(plain, dropped);
}

#[test]
fn a_drop_that_panics_does_not_keep_the_others_from_theirs() {
    let pool = MapPool::new("test");
    let log = Log::default();
    for at in [0, 50, 99] {
        let scope = pool.scope();
        for number in 0..100 {
            scope.alloc_drop(log.noted(number)).panics = number == at;
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(scope))).is_err());
        assert!(log.take().into_iter().eq((0..100).rev()), "{at}");
        assert_eq!(pool.stats().outstanding_scopes, 0);
    }
    pool.scope().alloc_drop(log.noted(7));
    assert_eq!(log.take(), [7]);
}

#[test]
fn a_request_that_panics_drops_its_values() {
    let pool = MapPool::new("test");
    let log = Log::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let scope = pool.scope();
        scope.alloc_drop(log.noted(1));
        scope.alloc_drop(log.noted(2));
        panic!("the request fails");
    }));
    assert!(outcome.is_err());
    assert_eq!(log.take(), [2, 1]);
}

#[test]
fn values_are_dropped_on_the_thread_where_the_scope_ends() {
    static POOL: MapPool = MapPool::new("test");
    struct Where(Arc<Mutex<Option<thread::ThreadId>>>);
    impl Drop for Where {
        fn drop(&mut self) {
            *self.0.lock().expect("no panic under it") = Some(thread::current().id());
        }
    }
    let place = Arc::default();
    let scope = POOL.scope();
    scope.alloc_drop(Where(Arc::clone(&place)));
    let other = thread::spawn(move || drop(scope));
    let expected = other.thread().id();
    other.join().expect("no panic");
    assert_eq!(*place.lock().expect("no panic under it"), Some(expected));
}

#[test]
fn a_drop_may_use_the_pool_itself() {
    static POOL: MapPool = MapPool::new("test");
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    struct Uses;
    impl Drop for Uses {
        fn drop(&mut self) {
            let scope = POOL.scope();
            scope.alloc_drop(vec![1]);
            let mut map = scope.map();
            map.insert(scope.alloc_str("key"), 1);
            SEEN.fetch_add(map.len(), Relaxed);
        }
    }
    let scope = POOL.scope();
    (0..10).for_each(|_| _ = scope.alloc_drop(Uses));
    drop(scope);
    assert_eq!(SEEN.load(Relaxed), 10);
    assert_eq!(POOL.stats().outstanding_scopes, 0);
}

#[test]
fn boxes_and_vectors_may_borrow_and_drop_at_their_own_end() {
    let pool = MapPool::new("test");
    let log = RefCell::new(Vec::new());
    struct Borrows<'a>(&'a str, &'a RefCell<Vec<String>>);
    impl Drop for Borrows<'_> {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0.to_owned());
        }
    }
    {
        let scope = pool.scope();
        let first = scope.alloc_box(Borrows(scope.alloc_str("first"), &log));
        let mut more = scope.vec();
        for number in 0..10 {
            more.push(Borrows(scope.alloc_str(&number.to_string()), &log));
        }
        drop(first);
        assert_eq!(*log.borrow(), ["first"]);
        more.truncate(5);
        assert_eq!(log.borrow_mut().drain(..).count(), 6);
    }
    assert_eq!(*log.borrow(), ["0", "1", "2", "3", "4"]);
}
