"""The page that runs the network in the visitor's browser, and a small HTTP service beside it.

vendor.py     onnxruntime-web, fetched from npm once and checked
constants.py  numbers that the page must not copy: swatches, matrices, tables, the models' own settings
assets.py     every file of the page by its address, for the service and for the static export
export.py     the page as plain files for any static host
app.py        the routes
desk.py       a bounded queue in front of a few worker threads
upload.py     the body of a request -> a photo, within limits
problem.py    every error as problem+json (RFC 9457)
guard.py      headers for isolation, and no requests from other sites
metrics.py    counts and times for Prometheus
reference.py  the OpenAPI as one page that needs no other server
page/         HTML, CSS and ES modules; nothing to build
"""
