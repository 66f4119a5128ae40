#![forbid(unsafe_code)]
//! What the derived `IsZero` answers.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use millpond_map::{CounterMap, HashMap, IsZero};

#[derive(IsZero, Default, Clone)]
struct Load {
    requests: u64,
    rate: f64,
    waiting: Vec<u32>,
}

#[test]
fn a_struct_is_zero_when_each_field_is() {
    assert!(Load::default().is_zero());
    let busy = [
        Load {
            requests: 1,
            ..Load::default()
        },
        Load {
            rate: f64::NAN,
            ..Load::default()
        },
        Load {
            waiting: vec![0],
            ..Load::default()
        },
    ];
    for load in busy {
        assert!(!load.is_zero());
    }
    let signed = Load {
        rate: -0.0,
        ..Load::default()
    };
    assert!(signed.is_zero());
}

#[derive(IsZero)]
struct Timed(
    u32,
    #[is_zero(skip)]
    #[allow(dead_code, reason = "there to be skipped")]
    Instant,
    #[is_zero(with = Duration::is_zero)] Duration,
);

#[test]
fn fields_may_be_skipped_or_asked_by_a_function() {
    assert!(Timed(0, Instant::now(), Duration::ZERO).is_zero());
    assert!(!Timed(1, Instant::now(), Duration::ZERO).is_zero());
    assert!(!Timed(0, Instant::now(), Duration::from_nanos(1)).is_zero());
}

#[derive(IsZero)]
enum State<T> {
    #[is_zero]
    Idle {
        left: T,
        #[is_zero(skip)]
        _was: Duration,
    },
    Busy(#[allow(dead_code, reason = "never asked")] T),
}

#[test]
fn an_enum_is_zero_in_one_variant_if_its_fields_are() {
    let idle = |left| State::Idle {
        left,
        _was: Duration::MAX,
    };
    assert!(idle(0).is_zero());
    assert!(!idle(1).is_zero());
    assert!(!State::Busy(0).is_zero());
}

#[derive(IsZero)]
struct Tagged<'a, T, U, const N: usize>
where
    T: Copy,
{
    values: [T; N],
    name: &'a str,
    marker: PhantomData<fn() -> U>,
}

struct NoZero;

impl IsZero for NoZero {
    fn is_zero(&self) -> bool {
        false
    }
}

#[test]
fn generics_lifetimes_and_bounds_are_carried() {
    let tagged = |values, name| Tagged::<u8, NoZero, 2> {
        values,
        name,
        marker: PhantomData,
    };
    assert!(tagged([0, 0], "").is_zero());
    assert!(!tagged([0, 1], "").is_zero());
    assert!(!tagged([0, 0], "x").is_zero());
}

#[test]
fn maps_find_what_is_zero() {
    let mut loads: HashMap<u32, Load> = (0..100).map(|key| (key, Load::default())).collect();
    for (_, load) in loads.iter_mut().filter(|(key, _)| *key % 4 == 0) {
        load.requests = 1;
    }
    assert_eq!(loads.zero_count(), 75);
    assert_eq!(loads.retain_nonzero(), 75);
    assert_eq!(loads.len(), 25);

    let mut counted = CounterMap::from_map(loads);
    let key = *counted.keys().next().expect("25 of them");
    counted.apply(key, |load| load.requests -= 1);
    assert_eq!(counted.len(), 24);
}
