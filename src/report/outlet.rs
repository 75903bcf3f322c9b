//! Where the finished change report goes, whatever the face.

use std::io;

use super::Consumer;
use super::event::Event;
use super::gather::Gatherer;
use super::model::ChangeReport;

/// Takes the report when the run is over, also when it broke off.
pub trait Outlet: Send {
    /// Hears that the run begins; the report knows no more yet.
    fn begin(&mut self, report: &ChangeReport) {
        let _ = report;
    }

    /// Takes it.
    fn take(&mut self, report: &ChangeReport) -> io::Result<()>;
}

/// Gathers the report once for all its outlets.
pub struct Gathered {
    gatherer: Gatherer,
    outlets: Vec<Box<dyn Outlet>>,
}

impl Gathered {
    /// For these.
    pub fn new(outlets: Vec<Box<dyn Outlet>>) -> Self {
        Self { gatherer: Gatherer::new(), outlets }
    }
}

impl Consumer for Gathered {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.gatherer.event(event);
        if matches!(event, Event::RunStarted { .. }) {
            let report = self.gatherer.report();
            self.outlets.iter_mut().for_each(|outlet| outlet.begin(&report));
        }
        Ok(())
    }

    /// All of them take it; the first error is returned.
    fn finish(&mut self) -> io::Result<()> {
        let report = self.gatherer.report();
        self.outlets.iter_mut().map(|outlet| outlet.take(&report)).fold(Ok(()), Result::and)
    }
}
