//! When the types of the standard library, and ours, are zero.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList, VecDeque};
use std::ffi::{OsStr, OsString};
use std::marker::PhantomData;
use std::num::{NonZero, Saturating, Wrapping};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic;

use allocator_api2::alloc::Allocator;

use super::IsZero;
use crate::{HashMap, HashSet};

/// Numbers that equal a literal.
macro_rules! equal_to {
    ($zero:literal: $($type:ty)*) => { $(
        impl IsZero for $type {
            #[inline]
            fn is_zero(&self) -> bool {
                *self == $zero
            }
        }
    )* };
}

equal_to!(0: u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
// A comparison, not the bits: -0.0 is zero, and NaN is nothing that we know.
equal_to!(0.0: f32 f64);
equal_to!(false: bool);

macro_rules! never {
    ($($type:ty)*) => { $(
        impl IsZero for NonZero<$type> {
            #[inline]
            fn is_zero(&self) -> bool {
                false
            }
        }
    )* };
}

never!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! by_load {
    ($($type:ident)*) => { $(
        impl IsZero for atomic::$type {
            #[inline]
            fn is_zero(&self) -> bool {
                // Relaxed: the value alone decides, and nothing is read because of it.
                self.load(atomic::Ordering::Relaxed).is_zero()
            }
        }
    )* };
}

by_load!(AtomicBool AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize);
by_load!(AtomicI8 AtomicI16 AtomicI32 AtomicI64 AtomicIsize);

macro_rules! when_empty {
    ($([$($params:tt)*] $type:ty),* $(,)?) => { $(
        impl<$($params)*> IsZero for $type {
            #[inline]
            fn is_zero(&self) -> bool {
                self.is_empty()
            }
        }
    )* };
}

when_empty! {
    [] str,
    [] String,
    [] OsStr,
    [T] [T],
    [T] Vec<T>,
    [T] VecDeque<T>,
    [T] BinaryHeap<T>,
    [T] LinkedList<T>,
    [T] BTreeSet<T>,
    [K, V] BTreeMap<K, V>,
    [T, S] std::collections::HashSet<T, S>,
    [K, V, S] std::collections::HashMap<K, V, S>,
    [T, S, A: Allocator] HashSet<T, S, A>,
    [K, V, S, A: Allocator] HashMap<K, V, S, A>,
}

impl IsZero for OsString {
    #[inline]
    fn is_zero(&self) -> bool {
        self.as_os_str().is_empty()
    }
}

macro_rules! what_it_leads_to {
    ($([$($params:tt)*] $type:ty),* $(,)?) => { $(
        impl<$($params)*, T: IsZero + ?Sized> IsZero for $type {
            #[inline]
            fn is_zero(&self) -> bool {
                (**self).is_zero()
            }
        }
    )* };
}

what_it_leads_to!(['a] &'a T, ['a] &'a mut T);

macro_rules! what_it_owns {
    ($($type:ident)*) => { $(
        impl<T: IsZero + ?Sized> IsZero for $type<T> {
            #[inline]
            fn is_zero(&self) -> bool {
                (**self).is_zero()
            }
        }
    )* };
}

what_it_owns!(Box Rc Arc);

impl<T: IsZero + ToOwned + ?Sized> IsZero for Cow<'_, T> {
    #[inline]
    fn is_zero(&self) -> bool {
        (**self).is_zero()
    }
}

impl<T: IsZero> IsZero for Wrapping<T> {
    #[inline]
    fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl<T: IsZero> IsZero for Saturating<T> {
    #[inline]
    fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl<T: IsZero + Copy> IsZero for Cell<T> {
    #[inline]
    fn is_zero(&self) -> bool {
        self.get().is_zero()
    }
}

/// There or not is what counts: `Some(0)` was set to 0 by somebody.
impl<T> IsZero for Option<T> {
    #[inline]
    fn is_zero(&self) -> bool {
        self.is_none()
    }
}

/// Holds nothing: always zero, so that it does not keep the rest of a struct alive.
impl<T: ?Sized> IsZero for PhantomData<T> {
    #[inline]
    fn is_zero(&self) -> bool {
        true
    }
}

impl<T: IsZero, const N: usize> IsZero for [T; N] {
    #[inline]
    fn is_zero(&self) -> bool {
        self.iter().all(T::is_zero)
    }
}

macro_rules! each_part {
    ($($name:ident $index:tt),*) => {
        impl<$($name: IsZero),*> IsZero for ($($name,)*) {
            #[inline]
            fn is_zero(&self) -> bool {
                $(self.$index.is_zero())&&*
            }
        }
    };
}

each_part!(A 0);
each_part!(A 0, B 1);
each_part!(A 0, B 1, C 2);
each_part!(A 0, B 1, C 2, D 3);
each_part!(A 0, B 1, C 2, D 3, E 4);
each_part!(A 0, B 1, C 2, D 3, E 4, F 5);
each_part!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
each_part!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
