//! Prometheus metrics as structs whose doc comments are the help texts.

/// One metric as declared, for the documentation and its test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Name, as `kizuna_ingest_webhooks_total`.
    pub name: &'static str,
    /// The Prometheus type, as `IntCounterVec`.
    pub kind: &'static str,
    /// Label names.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// Declares a struct of Prometheus metrics with a constructor `register(&Registry)` and a constant `DECLARED`.
///
/// ```
/// runtime::metrics! {
///     /// What this process reports.
///     pub struct Metrics {
///         /// Webhooks by outcome.
///         webhooks: IntCounterVec = "kizuna_ingest_webhooks_total" ["outcome"],
///         /// Seconds until the log had the events.
///         append_seconds: Histogram = "kizuna_ingest_append_seconds" buckets [0.001, 0.01, 0.1, 1.0],
///         /// Connections known.
///         connections: IntGauge = "kizuna_ingest_connections",
///     }
/// }
/// let registry = runtime::prometheus::Registry::new();
/// let metrics = Metrics::register(&registry).expect("registered once");
/// metrics.webhooks.with_label_values(&["accepted"]).inc();
/// assert_eq!(Metrics::DECLARED[0].help, "Webhooks by outcome.");
/// ```
#[macro_export]
macro_rules! metrics {
    ($(#[$doc:meta])* $vis:vis struct $name:ident {
        $($(#[doc = $help:literal])+ $field:ident: $kind:ident = $metric:literal $([$($label:literal),+])? $(buckets [$($bucket:expr),+])?,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $help])+ pub $field: $crate::prometheus::$kind,)+
        }

        impl $name {
            /// Every metric of this struct.
            $vis const DECLARED: &'static [$crate::metrics::Declared] = &[
                $($crate::metrics::Declared {
                    name: $metric,
                    kind: stringify!($kind),
                    labels: &[$($($label),+)?],
                    help: concat!($($help),+).trim_ascii(),
                },)+
            ];

            /// Creates the metrics in a registry.
            ///
            /// # Errors
            /// When the registry has one of the names already.
            $vis fn register(registry: &$crate::prometheus::Registry) -> Result<Self, $crate::prometheus::Error> {
                $(
                    let help = concat!($($help),+).trim_ascii();
                    let $field = $crate::metrics!(@new $kind, $metric, help, [$($($label),+)?], [$($($bucket),+)?])?;
                    registry.register(Box::new($field.clone()))?;
                )+
                Ok(Self { $($field),+ })
            }
        }
    };
    (@new HistogramVec, $metric:literal, $help:expr, [$($label:literal),*], [$($bucket:expr),+]) => {
        $crate::prometheus::HistogramVec::new(
            $crate::prometheus::HistogramOpts::new($metric, $help).buckets(vec![$($bucket),+]), &[$($label),*])
    };
    (@new Histogram, $metric:literal, $help:expr, [], [$($bucket:expr),+]) => {
        $crate::prometheus::Histogram::with_opts(
            $crate::prometheus::HistogramOpts::new($metric, $help).buckets(vec![$($bucket),+]))
    };
    (@new $kind:ident, $metric:literal, $help:expr, [], []) => {
        $crate::prometheus::$kind::new($metric, $help)
    };
    (@new $kind:ident, $metric:literal, $help:expr, [$($label:literal),+], []) => {
        $crate::prometheus::$kind::new($crate::prometheus::Opts::new($metric, $help), &[$($label),+])
    };
}
