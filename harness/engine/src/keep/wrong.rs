//! `run --keep`: who keeps the lab of a run that went wrong. In a guest kernel the worker offers it, and the run's process on the host
//! takes it, as no other lab is kept, and brings clients to it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use routeproof_model::event::EventKind;
use routeproof_model::plan::PlannedRun;
use routeproof_model::result::Outcome;
use tokio::sync::{mpsc, watch};

use super::answer::About;
use super::folder::State;
use super::guest::connections;
use super::here::{Claim, KeepFirst, WasKept, claim, order};
use super::kept::{Door, serve};
use super::relay;
use crate::event::Events;
use crate::guest::{Mux, Said, Word};
use crate::run::Booted;
use crate::wait;

/// Who keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keeper<'a> {
    Nobody,
    /// This process.
    Here(&'a KeepFirst),
    /// The host of this guest, if it likes.
    Host(&'a Offer),
}

impl Keeper<'_> {
    /// Whether a lab that goes wrong now may be kept.
    pub fn is_free(self) -> bool {
        match self {
            Keeper::Nobody => false,
            Keeper::Here(first) => first.is_free(),
            Keeper::Host(_) => true,
        }
    }

    /// Keeps the lab until `down`, a signal, or `stop`. `None`: it is not kept.
    pub async fn keep(
        self,
        booted: &Booted,
        (run, outcome): (&PlannedRun, Outcome),
        folder: &Path,
        events: &Events,
        stop: impl Future<Output = ()>,
    ) -> Option<WasKept> {
        match self {
            Keeper::Nobody => None,
            Keeper::Here(first) => first.keep(booted, (run, outcome), folder, events, stop).await,
            Keeper::Host(offer) => offer.keep(booted, (run, outcome), stop).await,
        }
    }
}

/// The worker's part.
#[derive(Debug)]
pub(crate) struct Offer {
    mux: Mux,
    /// The streams that clients open.
    opened: Mutex<Option<mpsc::UnboundedReceiver<u32>>>,
    /// The host's answer: the kept lab's state, or that it does not want it.
    taken: watch::Receiver<Option<Option<State>>>,
}

impl Offer {
    pub fn new(
        mux: Mux,
        opened: mpsc::UnboundedReceiver<u32>,
        taken: watch::Receiver<Option<Option<State>>>,
    ) -> Offer {
        Offer { mux, opened: Mutex::new(Some(opened)), taken }
    }

    async fn keep(
        &self,
        booted: &Booted,
        (run, outcome): (&PlannedRun, Outcome),
        stop: impl Future<Output = ()>,
    ) -> Option<WasKept> {
        let since = Instant::now();
        // A host that cannot be told has gone.
        self.mux.say(&Said::Wrong(outcome)).ok()?;
        tokio::pin!(stop);
        let mut taken = self.taken.clone();
        let state = tokio::select! {
            taken = taken.wait_for(Option::is_some) => taken.ok()?.clone().flatten()?,
            () = &mut stop => return None,
        };
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let mut door = Door::Relayed(relay::clients(self.mux.clone(), opened));
        let order = order(run, &state);
        serve(&mut door, &About { booted, order: &order, state: &state, since }, stop).await;
        Some(WasKept { held: None, since, until: Instant::now() })
    }
}

/// The host's part, for one guest.
pub(crate) struct Take<'a> {
    pub first: &'a KeepFirst,
    pub run: &'a PlannedRun,
    pub folder: &'a Path,
    pub kernel: String,
    pub events: &'a Events,
    kept: Mutex<Option<WasKept>>,
}

impl<'a> Take<'a> {
    pub fn new(
        first: &'a KeepFirst,
        run: &'a PlannedRun,
        folder: &'a Path,
        kernel: String,
        events: &'a Events,
    ) -> Self {
        Take { first, run, folder, kernel, events, kept: Mutex::new(None) }
    }

    /// Waits until the guest offers its lab, takes it if no other is kept, and brings clients to it as long as it is polled.
    pub async fn clients(&self, mux: Mux, mut wrong: watch::Receiver<Option<Outcome>>) {
        let outcome = wrong.wait_for(Option::is_some).await.ok().and_then(|outcome| *outcome);
        let Some(outcome) = outcome else { return wait::no_events().await };
        let claim = match self.first.take() {
            true => claim(self.run, self.folder, Some(self.kernel.clone()), self.events).await,
            false => None,
        };
        let state = claim.as_ref().map(|claim| claim.state.clone());
        let told = mux.say(&Word::Keep(state.map(Box::new)));
        // A guest that cannot be told has gone, which is seen elsewhere.
        let (Some(Claim { held, listener, state }), Ok(())) = (claim, told) else {
            return wait::no_events().await;
        };
        let since = Instant::now();
        *self.kept() = Some(WasKept { held: Some(held), since, until: since });
        self.events.send(EventKind::Kept { lab: state.name, outcome });
        connections(mux, listener).await;
    }

    /// The guest has ended. Gives how long its lab was kept.
    pub fn release(&self) -> Duration {
        let kept = self.kept().take();
        kept.map_or(Duration::ZERO, |kept| WasKept { until: Instant::now(), ..kept }.release())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<WasKept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
