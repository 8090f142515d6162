# One image with every program that runs on a cluster. A deployment names the one it runs; without a command it is
# /function. The command line tool is not in it: make install.
#
#   docker build --build-arg VERSION=v1.2.3 --build-arg REVISION=$(git rev-parse HEAD) -t REPO/quench:v1.2.3 .
#
# BuildKit and buildah (1.28 or later) build it. Once it is pushed, `make image-pack IMAGE=REPO/quench:v1.2.3` packs it in
# its registry anew, which leaves two thirds to pull.
#
# What they share, the runtime, TLS and HTTP, is large: so they are three executables, by what they need. The adapter,
# which runs all year, and the functions that start from zero for the Kubernetes API alone stay small and quick; what needs
# databases, registries and chats is together. The other names are links.
ARG GO_IMAGE=golang:1.26

# The compiler runs on the machine's own platform and compiles for the one that is asked for, so nothing is emulated. Of
# buildah, 1.28 does not say what its own is: with --platform for another one it wants --build-arg BUILDPLATFORM=linux/amd64.
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS build
WORKDIR /src
# There is no layer of its own for `go mod download`: modules are in the cache mount below, never in a layer.
COPY . .
ARG VERSION=dev
ARG REVISION=unknown
# Set by the builder. Where they are not, Go takes empty ones for the platform that it runs on.
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
	CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
	-ldflags "-s -w -X github.com/quench-dev/quench/config.Version=$VERSION -X github.com/quench-dev/quench/config.revision=$REVISION" \
	-o /out/ ./adapter/cmd/adapter ./function/cmd/function ./knative/cmd/server && \
	ln -s adapter /out/gate && \
	for name in archive command deadletter image-patcher keys notifier; do ln -s server /out/$name; done

# No shell, no libraries, no /tmp: no program writes a file that it was not told to write.
FROM scratch
# Two layers. The certificates change with the Go image only, so versions share them. The programs are one layer: each
# has the version in it, so they all change together.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/ /
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/function"]
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="quench" \
	org.opencontainers.image.description="Alerts of Prometheus Alertmanager to CloudEvents to Knative functions that remediate" \
	org.opencontainers.image.source="https://github.com/quench-dev/quench" \
	org.opencontainers.image.licenses="Apache-2.0" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.revision="$REVISION"
