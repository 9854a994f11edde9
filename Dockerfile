# One image for every role: `worker` (the default), `starter`, `start-batch`, `rollout`. See docs/operations/image.md.
# CI resolves BASE to a digest and passes it; any Debian-based Node 22 or later does (the Temporal SDK knows no musl).
ARG BASE=node:22-bookworm-slim

# The packages that production needs. No package of ours needs its install script: sharp and the Temporal core come compiled.
FROM ${BASE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY deploy/image/slim.mjs deploy/image/
RUN node deploy/image/slim.mjs

# What model workers need, with `--build-arg MODELS=1` only (docs/models.md); else an empty folder.
FROM ${BASE} AS models
ARG MODELS=0
WORKDIR /app
COPY models/runtime models/runtime
COPY scripts/setup/models.mjs scripts/setup/shell.mjs scripts/setup/
RUN if [ "$MODELS" = 0 ]; then rm -rf models/runtime/*; else node scripts/setup/models.mjs; fi \
 && rm -f models/runtime/.npmrc

# Compiles, and bundles the workflows.
FROM ${BASE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts
COPY . .
RUN node scripts/setup.mjs --force

# The system: ffmpeg, jemalloc (glibc's heap fragments under libvips), tini (reaps what dies, passes signals on).
# Their versions are those of the Debian release at the time of the build, security fixes included.
# ffmpeg's package brings graphics drivers for windows that nobody opens here: a quarter of its size. What installs packages
# or logs users in goes as well, with Perl: whoever takes a container over finds no such tool, and no file that gains rights
# (setuid, setgid). `unshare`, `setpriv`, `prlimit` and `mount` stay: decoders are kept apart by them (common/apart.ts), the
# last one within a namespace of its own only, where it can do no more than any program there.
FROM ${BASE} AS system
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates ffmpeg libjemalloc2 tini \
 && ln -s /usr/lib/*-linux-gnu/libjemalloc.so.2 /usr/local/lib/libjemalloc.so.2 \
 && dpkg --purge --force-depends libgl1-mesa-dri libllvm15 libz3-4 \
 && find /usr/share/doc ! -type d ! -name copyright -delete \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /opt/yarn* /root/.npm \
      /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian \
      /usr/local/lib/node_modules /usr/local/include /usr/local/share \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && groupadd --gid 10001 darkroom \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin darkroom \
 && install -d -o 10001 -g 10001 /scratch \
 && dpkg --purge --force-depends --force-remove-essential --force-remove-protected \
      adduser apt debconf debian-archive-keyring e2fsprogs gpgv libapt-pkg6.0 login logsave passwd perl-base \
 && rm -rf /usr/bin/su /etc/apt /var/lib/apt /usr/share/perl* /usr/lib/*-linux-gnu/perl* \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && test -z "$(find / -xdev -perm /6000 -type f)" \
 && for program in unshare setpriv prlimit mount seq; do command -v "$program" || exit 1; done \
 && ffmpeg -v error -f lavfi -i testsrc2=d=0.2 -c:v libx264 -f null -

# Copied whole, as one layer, so that what was removed above is really gone.
FROM scratch
# hadolint ignore=DL3067
COPY --from=system / /
WORKDIR /app
# What changes least comes first: a change of our own code is a layer of a few MB.
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY licences ./licences
COPY deploy/image/run.cjs deploy/image/health.cjs deploy/image/
COPY --from=models /app/models/runtime ./models/runtime
COPY presets ./presets
COPY --from=build /app/dist ./dist

ENV NODE_ENV=production \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LD_PRELOAD=/usr/local/lib/libjemalloc.so.2 \
    LOG_FORMAT=json \
    HOME=/scratch \
    TMPDIR=/scratch \
    DARKROOM_SCRATCH_DIR=/scratch/work \
    DARKROOM_HOME=/scratch/home \
    DARKROOM_ALLOWED_ROOTS=/scratch/home \
    DARKROOM_WORKER_HOST=0.0.0.0 \
    DARKROOM_HTTP_HOST=0.0.0.0 \
    DARKROOM_HEALTH_HOST=0.0.0.0

# A worker that goes hears its last polls out for this long (ms). One that hangs up at once may have just been given a task,
# which then nobody has until its heartbeat is missed. The SDK's switch, which it passes over where the server ends polls itself
# (frontend.enableCancelWorkerPollsOnShutdown, from 1.31 on).
ENV TEMPORAL_POLL_SHUTDOWN_INTERRUPT_WAIT_MS=5000

# The root may be read-only: this is the only folder that anything writes to.
VOLUME /scratch
USER 10001:10001
EXPOSE 8080 9464 9465 9466
STOPSIGNAL SIGTERM
# `start-batch` serves nothing and counts as healthy while it runs.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "deploy/image/health.cjs"]
ENTRYPOINT ["tini", "--", "node", "--enable-source-maps", "deploy/image/run.cjs"]
CMD ["worker"]
