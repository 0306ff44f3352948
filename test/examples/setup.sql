-- Once, by a superuser, in a database for tests: psql -v app=shop -f setup.sql
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;

-- The servers may be those of production, URLs included: nothing leaves this database.
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'https://vk.devinotele.com');
CREATE USER MAPPING FOR :"app" SERVER vk OPTIONS (login 'tester', password '111111');
GRANT USAGE ON FOREIGN SERVER vk TO :"app";
GRANT CREATE ON SCHEMA public TO :"app";
