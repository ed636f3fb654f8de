FROM node:24.21.0-bookworm-slim AS deps
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM deps AS build
COPY tsconfig.json ./
COPY src src
RUN npm run build

# The bundle holds every dependency but lmdb, which is native.
FROM deps AS runtime
RUN version=$(npm pkg get dependencies.lmdb | tr -d '"') \
 && npm pkg delete dependencies devDependencies \
 && npm pkg set "dependencies.lmdb=$version" \
 && npm prune

FROM node:24.21.0-bookworm-slim
LABEL org.opencontainers.image.title="Fairway" \
      org.opencontainers.image.description="A version server for automatic Teleport agent upgrades" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    FAIRWAY_DATA_DIR=/data
WORKDIR /app
RUN install -d -o 65532 -g 65532 -m 0700 /data
COPY LICENSE package.json ./
COPY --from=runtime /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY config config
RUN ln -s /app/dist/cli.js /usr/local/bin/fairway
USER 65532:65532
VOLUME /data
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/main.js"]
