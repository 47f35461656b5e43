"""The figures of a report: each takes a run, a study or plain arrays and gives a `Drawing`, or says why not."""
