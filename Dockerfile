# PostgreSQL with msgext, and the simulator, from these sources. See compose.yaml.
FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends make
WORKDIR /msgext
COPY . .
RUN script/require.sh build demo \
    && make -s -j"$(nproc)" all build/simulator \
    && make -s install DESTDIR=/out \
    && install -D build/simulator /out/usr/bin/msgext-simulator

FROM debian:trixie-slim
RUN mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && apt-get install -y --no-install-recommends postgresql-17 ca-certificates \
        libcurl4t64 libmicrohttpd12t64 libprotobuf-c1 libxml2 libjansson4 \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o postgres -g postgres -m 2775 /var/run/postgresql \
    && install -d -o postgres -g postgres /var/lib/postgresql
COPY --from=build /out /
COPY script/container.sh /usr/bin/msgext-container
USER postgres
VOLUME /var/lib/postgresql
EXPOSE 5432
ENTRYPOINT ["msgext-container"]
CMD ["database"]
