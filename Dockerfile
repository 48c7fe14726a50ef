# Hangar in a container: any user id, no shell needed, health by the node's own command.
FROM node:24-bookworm-slim AS build
WORKDIR /hangar
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
WORKDIR /hangar
ENV NODE_ENV=production HANGAR_CONFIG_FILE=/etc/hangar.toml
COPY --from=build /hangar/node_modules ./node_modules
COPY --from=build /hangar/dist ./dist
COPY package.json LICENSE README.md CHANGELOG.md ./
COPY doc/operations/container.toml /etc/hangar.toml
COPY doc/operations/cluster.toml /etc/hangar-cluster.toml
# Whoever the container runs as may write here: volumes take over this mode when they are made.
RUN ln -s /hangar/dist/main.js /usr/local/bin/hangar && chmod 755 /hangar/dist/main.js \
  && mkdir -p /data/meta /data/blocks /data/secret \
  && chmod 1777 /data /data/meta /data/blocks /data/secret
USER node
VOLUME ["/data/meta", "/data/blocks"]
EXPOSE 3900 3901 3902 3903
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=15s --start-period=20s CMD ["hangar", "status", "--quiet"]
ENTRYPOINT ["hangar"]
CMD ["server"]
