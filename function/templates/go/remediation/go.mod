module function

go 1.26.0

require github.com/quench-dev/quench v0.1.0
