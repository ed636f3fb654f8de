# The newest release of the newest Node LTS, which every dependency supports. Only this line names it.
ARG NODE=node:26.11.1-trixie-slim

FROM ${NODE} AS deps
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM deps AS build
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
RUN npm run build

# Compiled by the user that runs it and at the path where it runs, otherwise Node would not use it.
FROM build AS compiled
COPY config config
ENV NODE_COMPILE_CACHE=/app/compiled
RUN install -d -o 65532 -g 65532 compiled
USER 65532:65532
RUN node scripts/compile.mjs \
 && chmod -R a+rX compiled

# The bundle contains every dependency except lmdb, which is native.
FROM deps AS runtime
RUN version=$(npm pkg get dependencies.lmdb | tr -d '"') \
 && npm pkg delete dependencies devDependencies \
 && npm pkg set "dependencies.lmdb=$version" \
 && npm prune

FROM ${NODE}
LABEL org.opencontainers.image.title="Fairway" \
      org.opencontainers.image.description="A version server for automatic Teleport agent upgrades" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/compiled \
    FAIRWAY_DATA_DIR=/data
WORKDIR /app
RUN install -d -o 65532 -g 65532 -m 0700 /data \
 && ln -s /app/dist/cli.js /usr/local/bin/fairway
COPY LICENSE package.json ./
COPY --from=runtime /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=compiled /app/compiled compiled
COPY config config
USER 65532:65532
# Fairway writes only here; everything else may be read-only.
VOLUME /data
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# The entry point of the base image is a shell script, and nothing here needs a shell.
ENTRYPOINT []
# The operator listener is checked, because the public listener may use TLS.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.FAIRWAY_OPERATOR_PORT || 8081}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
