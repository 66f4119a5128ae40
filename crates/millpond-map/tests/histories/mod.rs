//! Runs calls on several threads and records what happened when.

use std::sync::Barrier;

use millpond_testkit::history::{Call, Clock, History, Model, Recorder, check};
use millpond_testkit::rng::Rng;

/// Runs `histories` small worlds of 2 to 4 threads, and hands each history to `judge`.
///
/// `world` makes what the threads share; `script` the calls of one thread.
pub(crate) fn record<W: Sync, O: Send + Clone, A: Send>(
    histories: u64,
    world: impl Fn(&mut Rng) -> W,
    script: impl Fn(&mut Rng) -> Vec<O>,
    run: impl Fn(&W, &O) -> A + Sync,
    mut judge: impl FnMut(Vec<Call<O, A>>),
) {
    for seed in 0..histories {
        let mut rng = Rng::new(seed);
        let threads = rng.between(2, 4);
        let (world, clock, barrier) = (world(&mut rng), Clock::new(), Barrier::new(threads));
        let scripts: Vec<Vec<O>> = (0..threads).map(|_| script(&mut rng)).collect();
        let history = std::thread::scope(|scope| {
            let runs: Vec<_> = scripts
                .into_iter()
                .enumerate()
                .map(|(thread, ops)| {
                    let (world, clock, barrier, run) = (&world, &clock, &barrier, &run);
                    let mut pause = Rng::new(seed * 16 + thread as u64);
                    scope.spawn(move || {
                        let mut recorder = Recorder::new(clock, thread);
                        barrier.wait();
                        for op in ops {
                            // On few cores calls only meet where threads make way.
                            match pause.below(4) {
                                0 => std::thread::yield_now(),
                                1 => (0..pause.below(200)).for_each(|_| std::hint::spin_loop()),
                                _ => {}
                            }
                            recorder.call(op, |op| run(world, op));
                        }
                        recorder.into_calls()
                    })
                })
                .collect();
            runs.into_iter()
                .flat_map(|run| run.join().expect("a thread of the history"))
                .collect()
        });
        judge(history);
    }
}

/// Refuses what no order of the calls explains.
pub(crate) fn judge<M: Model>(model: &M) -> impl Fn(History<M>)
where
    M::Op: std::fmt::Debug,
    M::Answer: std::fmt::Debug,
{
    |history| {
        if let Err(refused) = check(model, &history) {
            panic!("{refused}");
        }
    }
}
